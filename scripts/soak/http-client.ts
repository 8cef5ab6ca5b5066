/** Requests over kept connections, and ones that are given up half way. */
import { Agent, request } from "node:http";
import type { SoakTenant } from "./tenants.ts";

export interface SoakAnswer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

export interface SoakRequest {
  readonly method: string;
  readonly path: string;
  readonly body?: object;
  /** Whose token is sent, when it is not the host's company. */
  readonly as?: SoakTenant;
  /** The socket is destroyed after so many milliseconds, whatever was sent or answered by then. */
  readonly abortAfterMs?: number;
}

export interface SoakClient {
  /** Undefined when the connection broke, or was broken here. */
  ask(tenant: SoakTenant, what: SoakRequest): Promise<SoakAnswer | undefined>;
  close(): void;
}

export function openSoakClient(port: number): SoakClient {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  return {
    ask: (tenant, { method, path, body, as = tenant, abortAfterMs }) =>
      new Promise((resolve) => {
        const payload = body === undefined ? undefined : JSON.stringify(body);
        const headers = {
          Host: tenant.host,
          Authorization: `Bearer ${as.token}`,
          ...(payload === undefined
            ? {}
            : { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(payload) }),
        };
        const sent = request({ agent, host: "127.0.0.1", port, method, path, headers }, (answer) => {
          let text = "";
          answer.setEncoding("utf8").on("data", (piece: string) => void (text += piece));
          answer.once("error", () => resolve(undefined));
          answer.once("end", () => resolve({ status: answer.statusCode ?? 0, body: parse(text) }));
        });
        sent.once("error", () => resolve(undefined)).end(payload);
        if (abortAfterMs !== undefined) setTimeout(() => sent.destroy(), abortAfterMs);
        sent.once("close", () => resolve(undefined));
      }),
    close: () => agent.destroy(),
  };
}

const parse = (text: string): Record<string, unknown> =>
  text === "" ? {} : (JSON.parse(text) as Record<string, unknown>);
