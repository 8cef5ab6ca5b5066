/** Many tenants on one server, made the quick way: the product's own schema batch, and one statement for the registry. */
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { roleStatements, runtimeRole, schemaStatements } from "../../core/migrations/tenant-schema.ts";
import { createSecrets, type Secrets } from "../../core/secrets.ts";
import { setUpDatabase } from "../../core/setup.ts";
import { startServers, type Servers } from "../../scripts/embedded/stack.ts";
import { throwIfInterrupted } from "../interruption.ts";

export interface Fleet {
  readonly servers: Servers;
  readonly secrets: Secrets;
  readonly masterKey: string;
  /** Tenants 1 to this have a schema and are registered. */
  readonly tenants: number;
  /** As the platform's owner. */
  readonly owner: pg.Client;
}

/** The row that every request reads; the same id everywhere, so that only the tenant differs. */
export const customerId = "00000000-0000-4000-8000-000000000001";
export const baseDomain = "bench.test";
export const hostOf = (id: number): string => `api.emp${id}.${baseDomain}`;
/** Schema of the application that knows no tenants. */
export const plainSchema = "plain";

const atOnce = 4;
/** Companies that the registry knows, most of which nobody asks for. */
const registered = 10_000;
const beyond = 1_000_000;

/**
 * Lends durable servers with that many tenants; nothing is left afterwards.
 * @param keptIn a folder in which the fleet stays, and is found the next time: 5,000 schemas take their time.
 */
export async function withFleet<T>(
  { tenants, keptIn }: { readonly tenants: number; readonly keptIn: string | undefined },
  work: (fleet: Fleet) => Promise<T>,
): Promise<T> {
  if (keptIn !== undefined) await mkdir(keptIn, { recursive: true, mode: 0o711 });
  const folder = keptIn ?? (await mkdtemp(join(tmpdir(), "secretaria-bench-")));
  const servers = await startServers({ dataDir: folder, config: {}, onProgress: say });
  const owner = new pg.Client({ connectionString: servers.databaseUrl });
  try {
    await owner.connect();
    const masterKey = await masterKeyIn(folder);
    const secrets = createSecrets(Buffer.from(masterKey, "base64"));
    const fleet = { servers, secrets, masterKey, tenants, owner };
    await complete(fleet);
    return await work(fleet);
  } finally {
    await owner.end();
    await servers.stop();
    if (keptIn === undefined) await rm(folder, { recursive: true, force: true });
  }
}

/** The roles' passwords are derived from it: a fleet that is kept is of use only with its own. */
async function masterKeyIn(folder: string): Promise<string> {
  const file = join(folder, "bench-master.key");
  const known = await readFile(file, "utf8").catch(() => undefined);
  if (known !== undefined) return known;
  const key = randomBytes(32).toString("base64");
  await writeFile(file, key, { mode: 0o600 });
  return key;
}

/** Makes what is missing. More tenants than that are left alone. */
async function complete(fleet: Fleet): Promise<void> {
  const { servers, secrets, owner, tenants } = fleet;
  await setUpDatabase(servers.databaseUrl, secrets);
  const missing = await listMissing(fleet);
  if (missing.length === 0) return;
  await whileFilling(owner, () => fill(servers.databaseUrl, missing));
  await owner.query(register, [Math.max(tenants, registered), baseDomain]);
  const roomy = { requests_per_second: 1e6, concurrent_requests: 1e4 };
  await owner.query("UPDATE plans SET limits = $1 WHERE code = 'enterprise'", [roomy]);
  await owner.query("VACUUM ANALYZE pg_catalog.pg_class, pg_catalog.pg_attribute");
  await owner.query("CHECKPOINT");
}

/** Numbers of tenants without a schema; the application without tenants is the first of them, and is made first. */
async function listMissing({ owner, tenants }: Fleet): Promise<number[]> {
  const { rows } = await owner.query<{ id: number }>(
    `SELECT n AS id FROM generate_series(0, $1::int) n
      WHERE NOT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = CASE n WHEN 0 THEN $2 ELSE 'tenant_' || n END)
      ORDER BY n`,
    [tenants, plainSchema],
  );
  return rows.map(({ id }) => id);
}

/** Nothing is measured yet: the disk is waited for once, at the end. */
const hasty = { fsync: "off", full_page_writes: "off", max_wal_size: "'16GB'", checkpoint_timeout: "'1h'" };

export async function whileFilling(owner: pg.Client, work: () => Promise<void>): Promise<void> {
  for (const [name, value] of Object.entries(hasty)) await owner.query(`ALTER SYSTEM SET ${name} = ${value}`);
  await owner.query("SELECT pg_reload_conf()");
  try {
    await work();
  } finally {
    for (const name of Object.keys(hasty)) await owner.query(`ALTER SYSTEM RESET ${name}`);
    await owner.query("SELECT pg_reload_conf()");
  }
}

export const say = (line: string): void => void process.stderr.write(`· ${line}\n`);

async function fill(databaseUrl: string, missing: readonly number[]): Promise<void> {
  let made = 0;
  const maker = async () => {
    const client = new pg.Client({ connectionString: databaseUrl });
    await client.connect();
    try {
      for (let id = missing[made]; id !== undefined; id = missing[made]) {
        throwIfInterrupted();
        made += 1;
        await client.query(await textOf(id));
        if (made % 250 === 0) say(`${made} of ${missing.length} tenants made`);
      }
    } finally {
      await client.end();
    }
  };
  // All have ended before one's error is thrown: the servers stop after it.
  const ends = await Promise.allSettled(Array.from({ length: atOnce }, maker));
  for (const end of ends) if (end.status === "rejected") throw end.reason;
}

/** Number 0 is the application without tenants: made like a tenant, beyond all others, and renamed. */
async function textOf(number: number): Promise<string> {
  const id = number === 0 ? beyond : number;
  const tenant = { id, uuid: uuidOf(id) };
  const row = `INSERT INTO customers (id, name, metadata) VALUES ('${customerId}', 'Cliente', '{"of": ${id}}')`;
  const statements = [...roleStatements(tenant), ...(await schemaStatements(tenant)), row];
  if (number === 0) statements.push(`ALTER SCHEMA tenant_${id} RENAME TO ${plainSchema}`, ...grants);
  return ["BEGIN", ...statements, "COMMIT"].join(";\n");
}

/** The application without tenants logs in as the runtime does. */
const grants = [
  `GRANT USAGE ON SCHEMA ${plainSchema} TO ${runtimeRole}`,
  `GRANT SELECT ON ALL TABLES IN SCHEMA ${plainSchema} TO ${runtimeRole}`,
];

const uuidOf = (id: number): string => `00000000-0000-4000-9000-${String(id).padStart(12, "0")}`;

/** $1 tenants with plan, host and everything that makes a company served. */
const register = `
  WITH made AS (
    INSERT INTO companies (id, uuid, name, slug, domain, base_domain, owner_name, owner_email, cluster_id, first_active_at)
    OVERRIDING SYSTEM VALUE
    SELECT n, ('00000000-0000-4000-9000-' || lpad(n::text, 12, '0'))::uuid, 'Empresa ' || n, 'emp' || n,
           'emp' || n || '.example.com', $2, 'Ana', 'ana@example.com', (SELECT id FROM database_clusters WHERE is_default), now()
      FROM generate_series(1, $1::int) AS n
     WHERE NOT EXISTS (SELECT 1 FROM companies WHERE id = n)
    RETURNING id, slug
  ), subscribed AS (
    INSERT INTO subscriptions (company_id, plan_id) SELECT made.id, plans.id FROM made, plans WHERE code = 'enterprise'
  )
  INSERT INTO domains (company_id, kind, host) SELECT id, 'api', 'api.' || slug || '.' || $2 FROM made`;
