/** A service behind the gateway that does what a test says. */
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";

export interface Upstream {
  readonly url: string;
  /** Requests as they came, oldest first. */
  readonly seen: IncomingMessage[];
  /** What the next requests get; 200 and the request's body by default. */
  answer: RequestListener;
  openConnections(): Promise<number>;
  close(): Promise<void>;
}

export const echo: RequestListener = (req, res) => void req.pipe(res);

export async function openUpstream(): Promise<Upstream> {
  const seen: IncomingMessage[] = [];
  const server: Server = createServer((req, res) => {
    seen.push(req);
    upstream.answer(req, res);
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const upstream: Upstream = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    answer: echo,
    openConnections: () =>
      new Promise((resolve, reject) => {
        server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
      }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return upstream;
}
