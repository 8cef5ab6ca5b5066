/** One of the applications as a child process, compiled as a package is: tsx would add a call to every closure. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { projectPath } from "../../core/paths.ts";
import { startProgram } from "../../scripts/embedded/program.ts";
import type { Variant } from "./apps.ts";
import type { Fleet } from "./fleet.ts";

export interface App {
  readonly variant: Variant;
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

const entry = projectPath("node_modules", ".cache", "secretaria-bench", "bench", "request", "apps.js");

/** Compiles the applications and all they import. */
export async function compileApps(): Promise<void> {
  const compiler = projectPath("node_modules", "typescript", "bin", "tsc");
  await promisify(execFile)(process.execPath, [compiler, "--project", projectPath("bench", "tsconfig.json")]);
}

/** @param tenantUrl where tenants' data is reached, e.g. through a pooler. Absent: the server itself. */
export const startApp = (fleet: Fleet, variant: Variant, tenantUrl?: string): Promise<App> =>
  startAppFrom(entry, fleet, { variant, name: variant, tenantUrl });

/** @param file the compiled applications. @param how `name` stands in front of what it logs. */
export async function startAppFrom(
  file: string,
  fleet: Fleet,
  { variant, name, tenantUrl }: { variant: Variant; name: string; tenantUrl?: string | undefined },
): Promise<App> {
  const program = await startProgram({
    name,
    entry: file,
    env: {
      PATH: process.env["PATH"],
      NODE_ENV: "production",
      BENCH_VARIANT: variant,
      BENCH_DATABASE_URL: fleet.servers.databaseUrl,
      BENCH_TENANT_URL: tenantUrl,
      BENCH_REDIS_URL: fleet.servers.redisUrl,
      BENCH_MASTER_KEY: fleet.masterKey,
    },
  });
  const url = `http://127.0.0.1:${String(program.ready["port"])}`;
  return { variant, url, pid: program.pid, stop: () => program.stop() };
}
