/**
 * Run as a program of a release: sets the database up and makes tenants' schemas, at the release's newest version, and
 * ends. They have no companies, so that the control plane has nothing to do for them but migrate.
 */
import pg from "pg";
import { roleStatements, schemaStatements } from "../../core/migrations/tenant-schema.ts";
import { createSecrets } from "../../core/secrets.ts";
import { setUpDatabase } from "../../core/setup.ts";

const atOnce = 4;
const url = process.env["BENCH_DATABASE_URL"] ?? "";
const masterKey = process.env["BENCH_MASTER_KEY"] ?? "";
const firstId = Number(process.env["BENCH_FIRST_ID"]);
const tenants = Number(process.env["BENCH_TENANTS"]);

process.once("disconnect", () => process.exit(1));
process.send?.({ type: "ready" });
await setUpDatabase(url, createSecrets(Buffer.from(masterKey, "base64")));
let next = firstId;
await Promise.all(Array.from({ length: atOnce }, makeTenants));
await optimize();
process.exit(0);

async function makeTenants(): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  for (let id = next++; id < firstId + tenants; id = next++) {
    const tenant = { id, uuid: `00000000-0000-4000-9000-${String(id).padStart(12, "0")}` };
    const statements = [...roleStatements(tenant), ...(await schemaStatements(tenant))];
    await client.query(["BEGIN", ...statements, "COMMIT"].join(";\n"));
  }
  await client.end();
}

async function optimize(): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query("VACUUM ANALYZE pg_catalog.pg_class, pg_catalog.pg_attribute");
  await client.query("CHECKPOINT");
  await client.end();
}
