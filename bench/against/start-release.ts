/** The programs of a release on its installation, run from its sources as `npm start` runs them. */
import { join } from "node:path";
import type { Shutdown } from "../../core/shutdown.ts";
import { startProgram } from "../../scripts/embedded/program.ts";
import { programNames, type ProgramName } from "../../scripts/stack.ts";
import { adminEnvironment, signIn } from "../bench-stack.ts";
import { say } from "../request/fleet.ts";
import type { Installation } from "./installations.ts";
import type { Tree } from "./trees.ts";

export interface Release {
  readonly controlPlaneUrl: string;
  /** For its API. */
  readonly token: string;
}

interface StartOptions {
  readonly programs?: readonly ProgramName[];
  readonly env?: Readonly<Record<string, string>>;
}

/** The control plane comes first and sets the database up. They stop with `shutdown`. */
export async function startRelease(
  tree: Tree,
  installation: Installation,
  shutdown: Shutdown,
  { programs = programNames, env = {} }: StartOptions = {},
): Promise<Release> {
  let port = 0;
  for (const name of programs) {
    const program = await startProgram({
      name: `${tree.side} ${name}`,
      entry: join(tree.folder, name, "main.ts"),
      env: { ...environmentOf(installation), ...env },
      onLog: (line) => say(`${tree.side} ${name}: ${line}`),
    });
    shutdown.add(name, () => program.stop());
    if (name === "control-plane") port = Number(program.ready["port"]);
  }
  say(`the ${tree.side} tree's programs run`);
  const controlPlaneUrl = `http://127.0.0.1:${port}`;
  return { controlPlaneUrl, token: await signIn(controlPlaneUrl) };
}

const environmentOf = ({ folder, databaseUrl, redisUrl, masterKey }: Installation) => ({
  PATH: process.env["PATH"],
  HOME: process.env["HOME"],
  LOG_LEVEL: "error",
  DATA_DIR: folder,
  DATABASE_URL: databaseUrl,
  REDIS_URL: redisUrl,
  MASTER_KEY: masterKey,
  CONTROL_PLANE_PORT: "0",
  RUNTIME_HTTP_PORT: "0",
  RUNTIME_HTTPS_PORT: "0",
  ...adminEnvironment,
});
