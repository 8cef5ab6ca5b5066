import pg from "pg";

/** Where PostgreSQL and Redis of a test process are reached; the URLs carry passwords. */
export interface TestServers {
  databaseUrl: string;
  redisUrl: string;
}

/** Names the servers of every mocha worker, as a JSON list of TestServers; global.ts writes it. */
export const serversVariable = "SECRETARIA_TEST_SERVERS";

/** Of this process: filled by global.ts before the first test where files run one after the other. */
export const shared: TestServers = serversOfWorker() ?? { databaseUrl: "", redisUrl: "" };

export const templateDatabase = "secretaria_template";

/** Counts the test databases of a server, which its processes share. */
export const databaseNumbers = "test_database_numbers";

/** A fixed key: the service roles belong to the whole server, so all databases of a run share their passwords. */
export const masterKey = Buffer.alloc(32, 7).toString("base64");

/** A worker that replaces one that crashed has a higher number, and the servers of one that lives. */
function serversOfWorker(): TestServers | undefined {
  const worker = process.env["MOCHA_WORKER_ID"];
  if (worker === undefined) return undefined;
  const all = JSON.parse(process.env[serversVariable] ?? "[]") as TestServers[];
  return all[Number(worker) % all.length];
}

/**
 * Returns the URL of a fresh database, cloned from the migrated template. Company ids start at another million in each,
 * because tenants' roles and Redis users are named by the id and belong to the whole server.
 */
export async function createTestDatabase(): Promise<string> {
  const [next] = await runQuery<{ number: string }>(
    shared.databaseUrl,
    `SELECT nextval('${databaseNumbers}') AS number`,
  );
  const number = Number(next?.number);
  const name = `test_${number}`;
  await runQuery(shared.databaseUrl, `CREATE DATABASE ${name} TEMPLATE ${templateDatabase}`);
  const url = new URL(shared.databaseUrl);
  url.pathname = `/${name}`;
  await runQuery(url.toString(), `ALTER SEQUENCE companies_id_seq RESTART WITH ${number * 1_000_000 + 1}`);
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
