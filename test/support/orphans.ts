import type { Servers } from "../../scripts/embedded/stack.ts";

/**
 * Servers outlive a test run that was interrupted, for they do not share its terminal. Whatever ends this process ends
 * them too; what a test stopped itself is gone by then.
 */
export function endWithProcess<T extends Pick<Servers, "postgres" | "redis">>(servers: T): T {
  process.once("exit", () => {
    for (const server of [servers.postgres, servers.redis]) {
      try {
        if (server?.pid !== undefined) process.kill(server.pid, "SIGKILL");
      } catch {
        // It was stopped in order.
      }
    }
  });
  return servers;
}

// Without a listener these end the process before anybody hears of its exit.
for (const [signal, code] of [
  ["SIGTERM", 143],
  ["SIGHUP", 129],
] as const)
  process.once(signal, () => process.exit(code));
