/** Which loopback port a server gets. */
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";

/**
 * The preferred port (0: none) when nothing listens on it and it is not in `taken`, otherwise one the system says is free.
 * The answer is a snapshot: another program can take the port before it is used (`onFreePort` copes with that).
 */
export async function choosePort(preferred: number, taken: Set<number> = new Set()): Promise<number> {
  if (preferred !== 0 && !taken.has(preferred) && (await probe(preferred)) !== undefined) return preferred;
  for (;;) {
    const port = await probe(0);
    if (port !== undefined && !taken.has(port)) return port;
  }
}

/**
 * Calls `launch` with a port until it does not fail because somebody else took that port first.
 * A port that was asked for by number is tried once only: whoever named it relies on it.
 */
export async function onFreePort<T>(
  options: { exact: number | undefined; preferred: number },
  launch: (port: number) => Promise<T>,
): Promise<T> {
  if (options.exact !== undefined) return launch(options.exact);
  const taken = new Set<number>();
  for (;;) {
    const port = await choosePort(options.preferred, taken);
    try {
      return await launch(port);
    } catch (error) {
      taken.add(port);
      if (taken.size >= 5 || !/address already in use/i.test(String(error))) throw error;
    }
  }
}

/** Listens for a moment; answers the port that worked, or undefined when it is in use. */
function probe(port: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE" || error.code === "EACCES") resolve(undefined);
      else reject(error);
    });
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => {
      const { port: listening } = server.address() as AddressInfo;
      server.close(() => resolve(listening));
    });
  });
}
