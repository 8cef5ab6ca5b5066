/** A way to a server on which everything arrives and, for a while, no answer comes back. */
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

export interface DeafProxy {
  readonly url: string;
  /** Answers get lost from now on. */
  loseAnswers(): void;
  /** Cuts the connections that lost some; new ones work. */
  restore(): void;
  close(): Promise<void>;
}

export async function openDeafProxy(targetUrl: string): Promise<DeafProxy> {
  const target = new URL(targetUrl);
  const clients = new Set<Socket>();
  let isDeaf = false;
  const listener = createServer((client) => {
    const server = connect({ host: target.hostname, port: Number(target.port) });
    clients.add(client);
    client.pipe(server);
    server.on("data", (chunk) => void (isDeaf || client.write(chunk)));
    const end = () => {
      client.destroy();
      server.destroy();
      clients.delete(client);
    };
    for (const socket of [client, server]) socket.on("error", end).on("close", end);
  });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const cut = () => clients.forEach((client) => client.destroy());
  const url = new URL(targetUrl);
  url.port = String((listener.address() as AddressInfo).port);
  return {
    url: url.toString(),
    loseAnswers: () => void (isDeaf = true),
    restore() {
      isDeaf = false;
      cut();
    },
    close() {
      cut();
      return new Promise((resolve) => void listener.close(() => resolve()));
    },
  };
}
