/** PostgreSQL and Redis for a test run on a machine that has none to lend. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startServers, type Servers } from "../scripts/embedded/stack.ts";

export interface TestServers {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  /** Stops what was started and removes its data. */
  stop(): Promise<void>;
}

/**
 * Starts what no URL is given for, in a temporary folder, not durable: PostgreSQL from npm, and the system's
 * `redis-server`. Takes a second or two: once for a run, e.g. in mocha's `mochaGlobalSetup`. Ends with the process.
 */
export async function startTestServers(
  given: { readonly databaseUrl?: string | undefined; readonly redisUrl?: string | undefined } = {},
): Promise<TestServers> {
  const folder = await mkdtemp(join(tmpdir(), "secretaria-test-kit-"));
  const config = { DATABASE_URL: given.databaseUrl, REDIS_URL: given.redisUrl };
  const servers = await startServers({ dataDir: folder, config, durable: false });
  const kill = () => killServers(servers);
  process.once("exit", kill);
  return {
    databaseUrl: servers.databaseUrl,
    redisUrl: servers.redisUrl,
    stop: async () => {
      process.off("exit", kill);
      await servers.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A run that is interrupted leaves no server behind. */
function killServers(servers: Servers): void {
  for (const server of [servers.postgres, servers.redis]) {
    try {
      if (server?.pid !== undefined) process.kill(server.pid, "SIGKILL");
    } catch {
      // It was gone.
    }
  }
}
