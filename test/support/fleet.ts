/** A fleet of small schemas: the product's own way of making them, with migrations of two tables. */
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import type { FleetContext } from "../../control-plane/fleet/fleet-context.ts";
import { openDatabase } from "../../core/db.ts";
import { useMigrationFolders } from "../../core/migrations/folders.ts";
import { roleStatements, schemaStatements, type SchemaOwner } from "../../core/migrations/tenant-schema.ts";
import { testLog } from "./program-log.ts";
import { createTestDatabase } from "./servers.ts";

export interface TestFleet {
  readonly ctx: FleetContext;
  readonly url: string;
  /** Migrations are read from here while the fleet is in use; those from 5000 on from a folder of their own. */
  readonly folder: string;
  readonly folders: readonly string[];
  readonly folderOf: (name: string) => string;
  /** Ids of its tenants, oldest first. */
  readonly ids: readonly number[];
  readonly write: (name: string, up: string, down: string, head?: string) => void;
  readonly query: <Row extends pg.QueryResultRow>(sql: string, values?: unknown[]) => Promise<Row[]>;
  close(): Promise<void>;
}

const first = `CREATE TABLE customers (id serial PRIMARY KEY, name text NOT NULL, email text);
CREATE TABLE orders (id serial PRIMARY KEY, customer_id integer NOT NULL REFERENCES customers, total integer NOT NULL)`;

/** Makes as many tenants, all at the first migration, and their companies. `databaseUrl`: of a server of the test's own. */
export async function openFleet(tenants: number, databaseUrl?: string): Promise<TestFleet> {
  const folder = mkdtempSync(join(tmpdir(), "secretaria-fleet-"));
  const own = join(folder, "own");
  mkdirSync(own);
  const folders = [folder, own];
  const folderOf = (name: string) => (name < "5000" ? folder : own);
  const write: TestFleet["write"] = (name, up, down, head = "") => {
    writeFileSync(join(folderOf(name), name), `-- why: a test\n${head}-- up\n${up};\n-- down\n${down};\n`);
    useMigrationFolders("tenant", folders);
  };
  write("0001_start.sql", first, "DROP TABLE orders;\nDROP TABLE customers");
  const url = databaseUrl ?? (await createTestDatabase());
  const db = openDatabase(url, { name: "test fleet", max: 4 });
  const pool = new pg.Pool({ connectionString: url, max: 3 }).on("error", () => undefined);
  const { rows } = await pool.query<{ id: string; uuid: string }>(companiesSql, [tenants]);
  const owners = rows.map(({ id, uuid }) => ({ id: Number(id), uuid }));
  const make = async (owner: SchemaOwner) =>
    pool.query([...roleStatements(owner), ...(await schemaStatements(owner))].join(";\n"));
  await Promise.all(owners.map(make));
  const log = testLog();
  return {
    ctx: { db, databaseUrl: url, log, instance: "test", config: { LEASE_SECONDS: 2 } },
    url,
    folder,
    folders,
    folderOf,
    ids: owners.map(({ id }) => id),
    write,
    query: async (sql, values = []) => (await pool.query(sql, values)).rows,
    async close() {
      useMigrationFolders("tenant", undefined);
      // Roles belong to the whole server; one that is this test's alone ends with them.
      if (databaseUrl === undefined)
        for (const { id } of owners)
          await pool.query(`DROP SCHEMA IF EXISTS tenant_${id} CASCADE; DROP ROLE tenant_${id}`);
      await pool.end();
      await db.destroy();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const companiesSql = `
  INSERT INTO companies (name, slug, domain, base_domain, owner_name, owner_email, cluster_id, first_active_at)
  SELECT 'Empresa ' || n, 'frota-' || n, 'frota-' || n || '.test', 'test', 'Ana', 'ana@frota.test',
         (SELECT id FROM database_clusters WHERE is_default), now()
  FROM generate_series(1, $1::int) AS n RETURNING id, uuid`;
