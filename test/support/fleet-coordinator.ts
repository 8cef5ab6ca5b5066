/** A coordinator that can be killed: node --import tsx fleet-coordinator.ts <database url> <folder> <run id> */
import { randomUUID } from "node:crypto";
import { coordinate } from "../../control-plane/fleet/coordinate.ts";
import { openDatabase } from "../../core/db.ts";
import { createLogger } from "../../core/logger.ts";
import { useMigrationFolders } from "../../core/migrations/folders.ts";

const [databaseUrl = "", folder = "", runId = ""] = process.argv.slice(2);
useMigrationFolders("tenant", [folder]);
const db = openDatabase(databaseUrl, { name: "coordinator", max: 4 });
const log = createLogger("coordinator", "warn");
const ctx = { db, databaseUrl, log, instance: randomUUID(), config: { LEASE_SECONDS: 2 } };
// Whoever was killed leaves a lease behind: asked again until it has ended.
for (let run = await coordinate(ctx, runId); run.status === "running"; run = await coordinate(ctx, runId))
  await new Promise((resolve) => setTimeout(resolve, 100));
await db.destroy();
