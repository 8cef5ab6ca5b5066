/** The control plane's API as the chaos tool uses it. */
import { setTimeout as sleep } from "node:timers/promises";

export interface ChaosClient {
  readonly url: string;
  readonly token: string;
}

/** As much of a company or an operation as is looked at. */
export interface Tenant {
  readonly id: number;
  readonly status: string;
  readonly resources: readonly { readonly name: string; readonly status: string }[];
}

/** @throws Error with status and body of any answer that is not 2xx. */
export async function ask<T>(client: ChaosClient, method: string, path: string, body?: unknown): Promise<T> {
  const headers = { Authorization: `Bearer ${client.token}`, "Content-Type": "application/json" };
  const answer = await fetch(client.url + path, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) });
  const json: unknown = await answer.json();
  if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${JSON.stringify(json)}`);
  return json as T;
}

export async function waitUntil(isTrue: () => boolean | Promise<boolean>, seconds: number): Promise<boolean> {
  const deadline = Date.now() + seconds * 1000;
  while (Date.now() < deadline) {
    if (await isTrue()) return true;
    await sleep(50);
  }
  return false;
}
