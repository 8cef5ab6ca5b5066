/** Hears of changes in the registry: one connection on LISTEN, opened again whenever it is lost. */
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { connectionSettings } from "./db.ts";
import type { Logger } from "./logger.ts";
import type { Secrets } from "./secrets.ts";
import { registryRole, servicePassword } from "./service-roles.ts";

export interface RegistrySubscriber {
  /** Something about the company may have changed: look again. */
  changed(companyId: number): void;
  /** From now on changes are not heard. */
  lost(): void;
  /** Changes are heard again; what was learnt before this moment may have changed unheard. */
  restored(): void;
}

export interface RegistryListener {
  readonly isListening: () => boolean;
  subscribe(subscriber: RegistrySubscriber): void;
  close(): Promise<void>;
}

const channel = "secretaria_registry";
/**
 * A connection can be dead without either side being told. Until that is noticed a suspended company is served from what
 * was read before; these two and the 200 ms that an answer is believed without a listener are less than a second
 * together. An answer that was only late, on a busy machine, costs one question more for each entry that is in use.
 */
const pingMs = 300;
const lateMs = 400;
/** Then the connection is given up. */
const deadMs = 3_000;
const longestWaitMs = 5_000;

/** Starts listening in the background; a database that is not there yet delays nothing. */
export function openRegistryListener(
  databaseUrl: string,
  { secrets, log, name }: { secrets: Secrets; log: Logger; name: string },
): RegistryListener {
  const subscribers = new Set<RegistrySubscriber>();
  const stop = new AbortController();
  let listening = false;
  const setListening = (now: boolean) => {
    if (now === listening) return;
    listening = now;
    for (const subscriber of subscribers) {
      if (now) subscriber.restored();
      else subscriber.lost();
    }
  };
  const settings = connectionSettings(databaseUrl, {
    name,
    user: registryRole,
    password: servicePassword(secrets, registryRole),
  });
  const onPayload = (payload: string | undefined) => announce(subscribers, payload);
  const running = keepTrying(stop.signal, log, async () => {
    try {
      await listenOnce(settings, { log, signal: stop.signal, setListening, onPayload });
    } finally {
      setListening(false);
    }
  });
  return {
    isListening: () => listening,
    subscribe: (subscriber) => void subscribers.add(subscriber),
    close: () => {
      stop.abort();
      return running;
    },
  };
}

/** Runs `listen` again and again until told to stop, less often while it fails. Each outage is logged once. */
async function keepTrying(signal: AbortSignal, log: Logger, listen: () => Promise<void>): Promise<void> {
  for (let failures = 0; !signal.aborted; failures += 1) {
    const cause: unknown = await listen().catch((error: unknown) => error);
    if (signal.aborted) return;
    // Ended after it had listened: a new outage.
    if (cause === undefined) failures = 0;
    if (failures === 0) log.warn({ err: cause }, "registry changes are not heard; looking more often until they are");
    const waitMs = Math.min(longestWaitMs, 100 * 2 ** failures) * (0.5 + Math.random() / 2);
    await sleep(waitMs, undefined, { signal }).catch(() => undefined);
  }
}

interface Ear {
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** Whether what is announced now is heard. */
  readonly setListening: (now: boolean) => void;
  readonly onPayload: (payload: string | undefined) => void;
}

/** Holds one connection on LISTEN. Resolves when it is lost or the signal says so. @throws when none could be made. */
async function listenOnce(settings: pg.ClientConfig, ear: Ear): Promise<void> {
  const client = new pg.Client({ ...settings, query_timeout: deadMs });
  client.on("notification", ({ payload }) => ear.onPayload(payload));
  const over = new AbortController();
  const end = () => over.abort();
  // Never taken off: a second 'error' that nobody hears would end the process.
  client.on("error", end).on("end", end);
  ear.signal.addEventListener("abort", end);
  try {
    await client.connect();
    await client.query(`LISTEN ${channel}`);
    ear.log.info("registry changes are heard");
    await keepAsking(client, ear, over.signal).catch(() => undefined);
  } finally {
    ear.signal.removeEventListener("abort", end);
    void client.end().catch(() => undefined);
  }
}

/** Asks whether the server is still there, again and again. Resolves or throws when the connection is over. */
async function keepAsking(client: pg.Client, { setListening }: Ear, over: AbortSignal): Promise<void> {
  const ended = once(over, "abort");
  while (!over.aborted) {
    let isAnswered = false;
    // After what has arrived was read: a process that was busy itself has been told nothing late.
    const onLate = () => setImmediate(() => isAnswered || setListening(false));
    const late = setTimeout(onLate, lateMs);
    try {
      await Promise.race([client.query("SELECT 1"), ended]);
    } finally {
      isAnswered = true;
      clearTimeout(late);
    }
    if (over.aborted) return;
    setListening(true);
    await sleep(pingMs, undefined, { signal: over }).catch(() => undefined);
  }
}

/** The payload is only a hint that any role could have sent; one that is no id is left alone. */
function announce(subscribers: Iterable<RegistrySubscriber>, payload: string | undefined): void {
  const companyId = /^[1-9]\d{0,14}$/.test(payload ?? "") ? Number(payload) : undefined;
  if (companyId === undefined) return;
  for (const subscriber of subscribers) subscriber.changed(companyId);
}
