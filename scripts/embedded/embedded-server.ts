/** A server of the embedded stack as its callers hold it: started, stopped, killed, started again. */
import { endServer, killServer } from "./server-process.ts";
import type { Launched, ServerKind } from "./server-process.ts";

export type EmbeddedServer = {
  /** With user and password. */
  readonly url: string;
  readonly port: number;
  /** Undefined while it is stopped. */
  readonly pid: number | undefined;
  /** Orderly; resolves when the process is gone. Stopped already is success. */
  stop(): Promise<void>;
  /** SIGKILL to the server and its children, as a crash test wants it; resolves when all are gone. */
  kill(): Promise<void>;
  /** Again on the same port with the same data; running already is success. */
  start(): Promise<void>;
};

type Blueprint = {
  url: string;
  port: number;
  kind: ServerKind;
  launch(): Promise<Launched>;
  onExit?: ((how: string) => void) | undefined;
};

/** Starts the server; what it returns owns the process. `onExit` hears only of ends that nobody asked for. */
export async function keepServer(blueprint: Blueprint): Promise<EmbeddedServer> {
  let running: Launched | undefined;
  const start = async () => {
    if (running) return;
    const launched = (running = await blueprint.launch());
    void launched.exited.then((how) => {
      if (running !== launched) return;
      running = undefined;
      blueprint.onExit?.(how);
    });
  };
  const release = () => {
    const launched = running;
    running = undefined;
    return launched;
  };
  await start();
  return {
    url: blueprint.url,
    port: blueprint.port,
    get pid() {
      return running?.pid;
    },
    start,
    stop: async () => {
      const launched = release();
      if (launched) await endServer(launched.pid, blueprint.kind);
    },
    kill: async () => {
      const launched = release();
      if (launched) await killServer(launched.pid, blueprint.kind);
    },
  };
}
