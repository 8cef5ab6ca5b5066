/** A database of one test file, and the ids that its tenants may have. */
import pg from "pg";
import { databaseOn, openServerSession } from "./server-session.ts";
import { ensureTemplate } from "./template-database.ts";

export interface TestDatabase {
  readonly url: string;
  /** Drops the database and the roles of its tenants. */
  drop(): Promise<void>;
}

/**
 * Tenants' roles are named by their ids and belong to the whole server, so each database has a block of ids to itself,
 * far above those of real tenants. A block is held by an advisory lock: what a killed run left is found under it.
 */
const firstId = 9_000_000_000_000;
const blockSize = 1_000_000;
const blocks = 999;

/** @throws Error when the server's roles were made with another master key, or 999 test files run at once. */
export async function createTestDatabase(serverUrl: string, masterKey: Buffer): Promise<TestDatabase> {
  const server = await openServerSession(serverUrl);
  try {
    const template = await withServerLock(server, () => ensureTemplate(server, serverUrl, masterKey));
    const block = await claimBlock(server);
    const name = `secretaria_test_${block}`;
    await removeBlock(server, block, name);
    await server.query(`CREATE DATABASE ${name} TEMPLATE ${template}`);
    // Rights on a database are not cloned with it.
    await server.query(`REVOKE TEMPORARY, CREATE ON DATABASE ${name} FROM PUBLIC`);
    const url = databaseOn(serverUrl, name);
    await startIdsAt(url, firstId + block * blockSize);
    const drop = () => removeBlock(server, block, name).finally(() => server.end());
    return { url, drop };
  } catch (error) {
    await server.end();
    throw error;
  }
}

const lockClass = "hashtext('secretaria.test-kit')";

async function withServerLock<T>(server: pg.Client, work: () => Promise<T>): Promise<T> {
  await server.query(`SELECT pg_advisory_lock(${lockClass}, 0)`);
  try {
    return await work();
  } finally {
    await server.query(`SELECT pg_advisory_unlock(${lockClass}, 0)`);
  }
}

/** Held until the session ends. */
async function claimBlock(server: pg.Client): Promise<number> {
  const { rows } = await server.query<{ block: number }>(
    `SELECT block FROM generate_series(1, ${blocks}) AS block WHERE pg_try_advisory_lock(${lockClass}, block) LIMIT 1`,
  );
  if (rows[0] === undefined) throw new Error(`${blocks} test databases are in use on this server; close some`);
  return rows[0].block;
}

async function removeBlock(server: pg.Client, block: number, name: string): Promise<void> {
  await server.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  const first = firstId + block * blockSize;
  const { rows } = await server.query<{ rolname: string }>(
    `SELECT rolname FROM pg_roles WHERE rolname ~ '^tenant_9\\d{12}$' AND substr(rolname, 8)::bigint BETWEEN $1 AND $2`,
    [first, first + blockSize - 1],
  );
  for (const { rolname } of rows) await server.query(`DROP ROLE ${pg.escapeIdentifier(rolname)}`);
}

async function startIdsAt(url: string, first: number): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(`ALTER SEQUENCE companies_id_seq RESTART WITH ${first}`);
  } finally {
    await client.end();
  }
}
