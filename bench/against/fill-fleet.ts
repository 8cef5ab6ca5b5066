/** Makes a release's fleet with the release's own code, as a child process. */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startProgram } from "../../scripts/embedded/program.ts";
import { throwIfInterrupted } from "../interruption.ts";
import { say } from "../request/fleet.ts";
import type { Installation } from "./installations.ts";
import { provideProgram, type Tree } from "./trees.ts";

const program = {
  path: "bench/against/make-fleet.ts",
  names: ["BENCH_DATABASE_URL", "BENCH_MASTER_KEY", "BENCH_FIRST_ID", "BENCH_TENANTS"],
};
const lookEveryMs = 500;

/** @throws Error when it could not; its last lines were logged. */
export async function fillFleet(tree: Tree, installation: Installation, tenants: number): Promise<void> {
  await provideProgram(tree, program);
  say(`the ${tree.side} tree makes ${tenants} tenants`);
  const end: { code?: number | null } = {};
  const maker = await startProgram({
    name: `${tree.side} fleet`,
    entry: join(tree.folder, program.path),
    env: {
      PATH: process.env["PATH"],
      BENCH_DATABASE_URL: installation.databaseUrl,
      BENCH_MASTER_KEY: installation.masterKey,
      BENCH_FIRST_ID: String(installation.firstId),
      BENCH_TENANTS: String(tenants),
    },
    onExit: ({ code }) => (end.code = code),
  });
  try {
    while (end.code === undefined) {
      throwIfInterrupted();
      await sleep(lookEveryMs);
    }
  } finally {
    await maker.kill("SIGKILL");
  }
  if (end.code !== 0) throw new Error(`the ${tree.side} tree could not make its fleet; its own words are above`);
}
