/**
 * One PostgreSQL server for both releases, and on it a database for each: two releases in one database would share leases,
 * sweeps and migrations. Roles belong to the server, so both have one master key and each has ids of its own million. Each
 * has a Redis server of its own: users, queues and heartbeats there belong to the whole server.
 */
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import type { Shutdown } from "../../core/shutdown.ts";
import { startPostgres } from "../../scripts/embedded/postgres.ts";
import { startRedis } from "../../scripts/embedded/redis.ts";
import { say } from "../request/fleet.ts";
import { sides, type Side, type Sides } from "./sides.ts";

export interface Installation {
  readonly side: Side;
  readonly folder: string;
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly masterKey: string;
  /** Its companies' ids begin here. */
  readonly firstId: number;
}

const firstIds: Sides<number> = { old: 1_000_001, new: 2_000_001 };

/** What was started stops with `shutdown`. */
export async function startInstallations(shutdown: Shutdown): Promise<Sides<Installation>> {
  const folder = await mkdtemp(join(tmpdir(), "secretaria-bench-"));
  shutdown.add("folder", () => rm(folder, { recursive: true, force: true }));
  say("starting PostgreSQL, and Redis twice");
  const postgres = await startPostgres({ dataDir: folder, onProgress: say });
  shutdown.add("postgres", () => postgres.stop());
  const masterKey = randomBytes(32).toString("base64");
  const made: Partial<Record<Side, Installation>> = {};
  for (const side of sides) {
    const dataDir = join(folder, side);
    await mkdir(dataDir);
    const redis = await startRedis({ dataDir, onProgress: say });
    shutdown.add("redis", () => redis.stop());
    const databaseUrl = await createDatabase(postgres.url, `${side}_release`);
    made[side] = { side, folder: dataDir, databaseUrl, redisUrl: redis.url, masterKey, firstId: firstIds[side] };
  }
  return made as Sides<Installation>;
}

/** Runs one statement as the platform's owner. */
export async function runStatement(databaseUrl: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

async function createDatabase(serverUrl: string, name: string): Promise<string> {
  await runStatement(serverUrl, `CREATE DATABASE ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.toString();
}
