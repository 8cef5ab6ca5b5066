/** The control plane's API as a client uses it that wants an answer, whatever becomes of the server meanwhile. */
import { setTimeout as sleep } from "node:timers/promises";

export interface ChaosClient {
  readonly url: string;
  readonly token: string;
}

/** As much of a company as is looked at. */
export interface Tenant {
  readonly id: number;
  readonly slug: string;
  readonly status: string;
  readonly activeWorkers: number | null;
  readonly resources: readonly { readonly name: string; readonly status: string }[];
}

export interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

export interface ChaosRequest {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  /** Idempotency-Key. */
  readonly key?: string;
}

/** One try. Undefined when the connection broke or nobody answered within a minute. */
export async function attempt(client: ChaosClient, request: ChaosRequest): Promise<Answer | undefined> {
  const { method, path, body, key } = request;
  const headers = {
    Authorization: `Bearer ${client.token}`,
    "Content-Type": "application/json",
    ...(key === undefined ? {} : { "Idempotency-Key": key }),
  };
  try {
    const signal = AbortSignal.timeout(60_000);
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const answer = await fetch(client.url + path, { method, headers, signal, ...sent });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  } catch {
    return undefined;
  }
}

/**
 * Sends the request, with the same key, until there is an answer that is not "come back later". `next` names whom to ask
 * at each try. @throws Error when there is none in time.
 */
export async function insist(next: () => ChaosClient, request: ChaosRequest, seconds = 40): Promise<Answer> {
  const deadline = Date.now() + seconds * 1000;
  let last: Answer | undefined;
  while (Date.now() < deadline) {
    last = await attempt(next(), request);
    if (last !== undefined && isFinal(last)) return last;
    await sleep(100);
  }
  const words = last === undefined ? "the connection broke" : `${last.status} ${JSON.stringify(last.body)}`;
  throw new Error(`${request.method} ${request.path} had no answer in ${seconds} s; the last: ${words}`);
}

const isFinal = ({ status, body }: Answer): boolean =>
  status !== 503 && status !== 429 && body["code"] !== "idempotency-in-progress";

/** @throws Error with status and body of any answer that is not 2xx, and what fetch throws. */
export async function ask<T>(client: ChaosClient, method: string, path: string, body?: unknown): Promise<T> {
  const answer = await attempt(client, { method, path, body });
  if (answer !== undefined && answer.status < 300) return answer.body as T;
  throw new Error(`${method} ${path} answered ${answer?.status ?? "nothing"}: ${JSON.stringify(answer?.body)}`);
}

export async function waitUntil(isTrue: () => boolean | Promise<boolean>, seconds: number): Promise<boolean> {
  const deadline = Date.now() + seconds * 1000;
  do {
    if (await isTrue()) return true;
    await sleep(50);
  } while (Date.now() < deadline);
  return false;
}
