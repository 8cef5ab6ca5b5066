/** How other commands of this machine find a running supervisor: DATA_DIR/connection.json. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { readIfThere, writePrivateFile } from "./private-file.ts";

/** The URLs carry passwords. */
export type Connection = {
  databaseUrl: string;
  redisUrl: string;
  controlPlaneUrl: string;
  runtimeHttpUrl: string;
  runtimeHttpsUrl: string;
};

/** Replaces the file in one step, readable by its owner only. The folder must exist. */
export async function writeConnection(dataDir: string, connection: Connection): Promise<void> {
  await writePrivateFile(fileIn(dataDir), `${JSON.stringify(connection, null, 2)}\n`);
}

/** Undefined when nothing runs on this DATA_DIR. A supervisor that was killed leaves its file behind: the addresses may be dead. */
export async function readConnection(dataDir: string): Promise<Connection | undefined> {
  const text = await readIfThere(fileIn(dataDir));
  return text === undefined ? undefined : (JSON.parse(text) as Connection);
}

/** Already gone is success. */
export async function removeConnection(dataDir: string): Promise<void> {
  await rm(fileIn(dataDir), { force: true });
}

function fileIn(dataDir: string): string {
  return join(dataDir, "connection.json");
}
