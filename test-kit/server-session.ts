/** One session on the server's maintenance database; whatever is locked on it is locked for all test runs of the server. */
import pg from "pg";

/** @throws the connection's error. */
export async function openServerSession(serverUrl: string): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: databaseOn(serverUrl, "postgres"),
    application_name: "secretaria test kit",
  });
  // A server that is stopped under a test ends the session too; the next statement says so.
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

/** The same server and user, another database. */
export function databaseOn(serverUrl: string, database: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${database}`;
  return url.toString();
}
