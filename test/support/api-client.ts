/** A client of the control plane's API that shows answers as they are. */
import type { DeleteBody, GetBody, PostBody } from "./api-answers.ts";

/** Typed where the path says what is answered (see api-answers.ts); otherwise a test knows better than any type. */
export interface Answer<Body = any> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

export interface ApiClient {
  readonly url: string;
  readonly token: string;
  request(method: string, path: string, options?: RequestOptions): Promise<Answer>;
  get<Path extends string>(path: Path): Promise<Answer<GetBody<Path>>>;
  post<Path extends string>(
    path: Path,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Answer<PostBody<Path>>>;
  delete<Path extends string>(path: Path, body?: unknown): Promise<Answer<DeleteBody<Path>>>;
  /** Deletes a company without a grace period. @param path `/api/tenants/<reference>`. */
  purge(path: string): Promise<Answer<DeleteBody<`/api/tenants/${string}`>>>;
}

export interface RequestOptions {
  readonly body?: unknown;
  /** Sent as it is, instead of `body` as JSON. */
  readonly rawBody?: string;
  readonly headers?: Record<string, string>;
  /** Sends no token. */
  readonly anonymous?: boolean;
}

export async function createApiClient(url: string, login: { email: string; password: string }): Promise<ApiClient> {
  let token = "";
  const request = async (method: string, path: string, options: RequestOptions = {}): Promise<Answer> => {
    const hasBody = options.body !== undefined || options.rawBody !== undefined;
    const answer = await fetch(url + path, {
      method,
      redirect: "manual",
      headers: {
        ...(options.anonymous ? {} : { Authorization: `Bearer ${token}` }),
        ...(hasBody ? { "Content-Type": "application/json" } : {}),
        ...options.headers,
      },
      ...(hasBody ? { body: options.rawBody ?? JSON.stringify(options.body) } : {}),
    });
    const text = await answer.text();
    const isJson = /json/.test(answer.headers.get("content-type") ?? "");
    return { status: answer.status, headers: answer.headers, body: isJson ? JSON.parse(text) : text };
  };
  const signedIn = await request("POST", "/api/auth/login", { body: login, anonymous: true });
  if (signedIn.status !== 200) throw new Error(`login answered ${signedIn.status}`);
  token = signedIn.body.accessToken;
  return {
    url,
    token,
    request,
    get: (path) => request("GET", path),
    post: (path, body, headers) => request("POST", path, { body, ...(headers ? { headers } : {}) }),
    delete: (path, body) => request("DELETE", path, { body }),
    async purge(path) {
      const { slug } = (await request("GET", path)).body;
      const body = { confirm: slug, reason: "a test", purgeAfter: new Date().toISOString() };
      return request("DELETE", path, { body });
    },
  };
}

let companies = 0;

/** A valid provisioning request that no other test sends. */
export function newCompany(overrides: Record<string, unknown> = {}): Record<string, unknown> {
  companies += 1;
  return {
    name: `Empresa ${companies}`,
    domain: `empresa-${companies}.com.br`,
    plan: "basic",
    slug: `empresa-${companies}`,
    ...overrides,
  };
}
