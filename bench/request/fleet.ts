/** Many tenants on one server, made the quick way: the product's own schema batch, and one statement for the registry. */
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { roleStatements, runtimeRole, schemaStatements } from "../../core/migrations/tenant-schema.ts";
import { createSecrets, type Secrets } from "../../core/secrets.ts";
import { setUpDatabase } from "../../core/setup.ts";
import { startServers, type Servers } from "../../scripts/embedded/stack.ts";

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

/** Lends durable servers with that many tenants; nothing is left afterwards. */
export async function withFleet<T>(tenants: number, work: (fleet: Fleet) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "secretaria-bench-"));
  const servers = await startServers({ dataDir: folder, config: {}, onProgress: say });
  const masterKey = randomBytes(32).toString("base64");
  const secrets = createSecrets(Buffer.from(masterKey, "base64"));
  const owner = new pg.Client({ connectionString: servers.databaseUrl });
  try {
    await setUpDatabase(servers.databaseUrl, secrets);
    await owner.connect();
    await fill(servers.databaseUrl, tenants);
    await owner.query(register, [Math.max(tenants, registered), baseDomain]);
    const roomy = { requests_per_second: 1e6, concurrent_requests: 1e4 };
    await owner.query("UPDATE plans SET limits = $1 WHERE code = 'enterprise'", [roomy]);
    await owner.query("VACUUM ANALYZE pg_catalog.pg_class, pg_catalog.pg_attribute");
    await owner.query("CHECKPOINT");
    return await work({ servers, secrets, masterKey, tenants, owner });
  } finally {
    await owner.end();
    await servers.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

export const say = (line: string): void => void process.stderr.write(`· ${line}\n`);

async function fill(databaseUrl: string, tenants: number): Promise<void> {
  let made = 0;
  const maker = async () => {
    const client = new pg.Client({ connectionString: databaseUrl });
    await client.connect();
    try {
      for (let id = (made += 1); id <= tenants + 1; id = made += 1) {
        // One more, under another name, is the application without tenants.
        await client.query(await textOf(id, id > tenants));
        if (id % 250 === 0) say(`${id} of ${tenants} tenants made`);
      }
    } finally {
      await client.end();
    }
  };
  await Promise.all(Array.from({ length: atOnce }, maker));
}

async function textOf(id: number, isPlain: boolean): Promise<string> {
  const tenant = { id, uuid: uuidOf(id) };
  const row = `INSERT INTO customers (id, name, metadata) VALUES ('${customerId}', 'Cliente', '{"of": ${id}}')`;
  const statements = [...roleStatements(tenant), ...(await schemaStatements(tenant)), row];
  if (isPlain) statements.push(`ALTER SCHEMA tenant_${id} RENAME TO ${plainSchema}`, ...grants);
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
    RETURNING id, slug
  ), subscribed AS (
    INSERT INTO subscriptions (company_id, plan_id) SELECT made.id, plans.id FROM made, plans WHERE code = 'enterprise'
  )
  INSERT INTO domains (company_id, kind, host) SELECT id, 'api', 'api.' || slug || '.' || $2 FROM made`;
