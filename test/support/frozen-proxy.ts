/** A way to PostgreSQL on which single connections can be made to go silent, as a firewall that forgot them does. */
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

export interface Proxy {
  readonly port: number;
  /** From now on nothing passes on connections, present ones only, that named themselves so. Answers how many. */
  freeze(applicationName: string): number;
  close(): Promise<void>;
}

interface Passage {
  readonly client: Socket;
  readonly server: Socket;
  /** The client's first bytes, with its application_name. */
  greeting: string;
  frozen: boolean;
}

/** @param onSent is given what clients send, piece by piece as they wrote it. */
export async function openProxy(
  target: { host: string; port: number },
  onSent: (piece: Buffer) => void = () => undefined,
): Promise<Proxy> {
  const passages = new Set<Passage>();
  const listener = createServer((client) => {
    const passage = { client, server: connect(target), greeting: "", frozen: false };
    passages.add(passage);
    client.once("data", (chunk) => void (passage.greeting = chunk.toString("latin1")));
    client.on("data", onSent);
    client.pipe(passage.server).pipe(client);
    const end = () => {
      client.destroy();
      passage.server.destroy();
      passages.delete(passage);
    };
    for (const socket of [client, passage.server]) socket.on("error", end).on("close", end);
  });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  return {
    port: (listener.address() as AddressInfo).port,
    freeze(applicationName) {
      const chosen = [...passages].filter(({ greeting, frozen }) => !frozen && greeting.includes(applicationName));
      for (const passage of chosen) {
        const { client, server } = passage;
        passage.frozen = true;
        client.unpipe(server).pause();
        server.unpipe(client).pause();
      }
      return chosen.length;
    },
    close() {
      for (const { client } of passages) client.destroy();
      return new Promise((resolve) => void listener.close(() => resolve()));
    },
  };
}
