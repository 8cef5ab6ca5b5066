/** Asks the tenant runtime as a stranger would: any host, any TLS name, trusting the platform's own authority only. */
import { request as httpRequest, type ClientRequest, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { TLSSocket } from "node:tls";
import type { Platform } from "./platform.ts";
import { createTenant, type TestTenant } from "./tenant.ts";

export interface RuntimeAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Parsed when it is JSON, text otherwise. */
  readonly body: any;
  /** Names of the server's certificate, which was verified; none over plain HTTP. */
  readonly certifiedNames: string[];
}

export interface RuntimeRequest {
  readonly token?: string;
  readonly body?: unknown;
  /** Sent as it is, instead of `body` as JSON. */
  readonly rawBody?: string;
  readonly headers?: Record<string, string | string[]>;
  /** Plain HTTP instead of HTTPS. */
  readonly plain?: boolean;
  /** Server name of the TLS handshake, where it is not the host. */
  readonly servername?: string;
}

/** @param what method and request target: `GET /v1/tenant`. @throws the TLS error of a certificate that does not verify. */
export type AskRuntime = (host: string, what: string, request?: RuntimeRequest) => Promise<RuntimeAnswer>;

/** Usable inside tests of a platform with `runtime: true`; of another server with its port, over plain HTTP. */
export function runtimeClient(platform: Pick<Platform, "httpPort"> & Partial<Platform>): AskRuntime {
  let authority: Promise<string> | undefined;
  const readAuthority = async () => {
    const rows = await platform.query?.<{ certificate: string }>("SELECT certificate FROM certificate_authorities");
    return (rows ?? []).map(({ certificate }) => certificate).join("\n");
  };
  return async (host, what, request = {}) => {
    const [method, path] = what.split(" ") as [string, string];
    const port = request.plain ? platform.httpPort : platform.httpsPort;
    const payload = request.rawBody ?? (request.body === undefined ? undefined : JSON.stringify(request.body));
    const headers = headerLines({ Host: `${host}:${port}`, Accept: "application/json" }, request, payload);
    // One connection for each request: nothing is left open, and no answer depends on the one before.
    const options = { host: "127.0.0.1", port, method, path, headers, agent: false };
    if (request.plain) return exchange(httpRequest(options), payload);
    const ca = await (authority ??= readAuthority());
    return exchange(httpsRequest({ ...options, ca, servername: request.servername ?? host }), payload);
  };
}

/** Names and values in turn: the only form in which node sends a header, Host too, exactly as often as it is told to. */
function headerLines(
  basics: Record<string, string>,
  { token, headers }: RuntimeRequest,
  payload: string | undefined,
): string[] {
  const all: Record<string, string | string[]> = {
    ...basics,
    ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
    ...(payload === undefined ? {} : { "Content-Type": "application/json", "Content-Length": bytesOf(payload) }),
    ...headers,
  };
  return Object.entries(all).flatMap(([name, values]) => [values].flat().flatMap((value) => [name, value]));
}

const bytesOf = (text: string): string => String(Buffer.byteLength(text));

async function exchange(sent: ClientRequest, payload: string | undefined): Promise<RuntimeAnswer> {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    sent.once("response", resolve).once("error", reject);
    sent.end(payload);
  });
  const names = answer.socket instanceof TLSSocket ? (answer.socket.getPeerCertificate().subjectaltname ?? "") : "";
  const text = Buffer.concat(await answer.toArray()).toString("utf8");
  const isJson = /json/.test(answer.headers["content-type"] ?? "");
  return {
    status: answer.statusCode ?? 0,
    headers: answer.headers,
    body: isJson ? JSON.parse(text) : text,
    certifiedNames: names.split(", ").filter(Boolean),
  };
}

/** A company that was provisioned through the API and has everything it needs. */
export type Company = TestTenant;

/** Tests ask faster than a company of any plan on sale may. */
export const roomyPlan = {
  code: "roomy",
  name: "Folgado",
  priceCents: 0,
  limits: { requests_per_second: 100_000, concurrent_requests: 1_000 },
  modules: ["ai", "campaigns", "chat", "crm", "finance", "store", "whatsapp", "workshop"],
};

export async function openCompany(platform: Platform, overrides: Record<string, unknown> = {}): Promise<Company> {
  const company = await createTenant(platform.api, { plan: roomyPlan, ...overrides });
  if (company.answer.status !== 201) throw new Error(`provisioning answered ${company.answer.status}`);
  await company.becomesReady();
  return company;
}
