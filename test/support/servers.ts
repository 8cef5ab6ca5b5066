import pg from "pg";

/** Filled by global.ts before the first test. */
export const shared = { databaseUrl: "", redisUrl: "" };

export const templateDatabase = "secretaria_template";

/** A fixed key: the service roles belong to the whole server, so all databases of a run share their passwords. */
export const masterKey = Buffer.alloc(32, 7).toString("base64");

let databases = 0;

/**
 * A fresh database cloned from the migrated template. Company ids start at another million in each, because tenants'
 * roles and Redis users are named by the id and belong to the whole server.
 */
export async function createTestDatabase(): Promise<string> {
  databases += 1;
  const name = `test_${process.pid}_${databases}`;
  await runQuery(shared.databaseUrl, `CREATE DATABASE ${name} TEMPLATE ${templateDatabase}`);
  const url = new URL(shared.databaseUrl);
  url.pathname = `/${name}`;
  await runQuery(url.toString(), `ALTER SEQUENCE companies_id_seq RESTART WITH ${databases * 1_000_000 + 1}`);
  return url.toString();
}

/** One statement on a connection of its own. */
export async function runQuery<Row extends pg.QueryResultRow>(
  url: string,
  sql: string,
  values: unknown[] = [],
): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(sql, values)).rows;
  } finally {
    await client.end();
  }
}
