/** A way to a server on which, for a while, answers or questions get lost. */
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

export interface DeafProxy {
  readonly url: string;
  /** From now on everything arrives, and no answer comes back. */
  loseAnswers(): void;
  /** From now on nothing arrives. */
  loseQuestions(): void;
  /** Cuts the connections that lost some; new ones work. */
  restore(): void;
  close(): Promise<void>;
}

export async function openDeafProxy(targetUrl: string): Promise<DeafProxy> {
  const target = new URL(targetUrl);
  const clients = new Set<Socket>();
  let lost: "nothing" | "answers" | "questions" = "nothing";
  const listener = createServer((client) => {
    const server = connect({ host: target.hostname, port: Number(target.port) });
    clients.add(client);
    client.on("data", (chunk) => void (lost === "questions" || server.write(chunk)));
    server.on("data", (chunk) => void (lost === "answers" || client.write(chunk)));
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
    loseAnswers: () => void (lost = "answers"),
    loseQuestions: () => void (lost = "questions"),
    restore() {
      lost = "nothing";
      cut();
    },
    close() {
      cut();
      return new Promise((resolve) => void listener.close(() => resolve()));
    },
  };
}
