/** Hears for which tenants of an on-request run somebody asked. */
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { connectionSettings } from "../../../core/db.ts";
import type { FleetContext } from "../fleet-context.ts";

const channel = "secretaria_fleet";
/** Between two tries to listen again; who is not heard meanwhile is named once more a minute later. */
const pauseMs = 1_000;
/** A connection that gives no answer for so long is replaced. */
const silentMs = 5_000;

export interface TouchListener {
  /** Resolves when the channel is listened to for the first time. */
  readonly listening: Promise<void>;
  close(): Promise<void>;
}

/**
 * Calls `onTouched` with the id of each tenant that a process names, for as long as it is open; the same id may come more
 * than once, and any role can send any number: look at the tenant's row before doing something.
 */
export function hearTouched(ctx: FleetContext, onTouched: (tenantId: number) => void): TouchListener {
  const stop = new AbortController();
  let heard = (): void => undefined;
  const listening = new Promise<void>((resolve) => (heard = resolve));
  const running = keepListening(ctx, { signal: stop.signal, heard, onTouched });
  return {
    listening,
    async close() {
      stop.abort();
      heard();
      await running;
    },
  };
}

interface Ear {
  readonly signal: AbortSignal;
  readonly heard: () => void;
  readonly onTouched: (tenantId: number) => void;
}

async function keepListening(ctx: FleetContext, ear: Ear): Promise<void> {
  while (!ear.signal.aborted) {
    await listenOnce(ctx, ear).catch((error: unknown) =>
      ctx.log.debug({ err: error }, "tenants that are asked for are not heard of; listening again"),
    );
    await sleep(pauseMs, undefined, { signal: ear.signal }).catch(() => undefined);
  }
}

/** Until the connection or the listener ends. */
async function listenOnce({ databaseUrl }: FleetContext, { signal, heard, onTouched }: Ear): Promise<void> {
  const settings = connectionSettings(databaseUrl, { name: "secretaria fleet listener" });
  const client = new pg.Client({ ...settings, query_timeout: silentMs });
  const over = new AbortController();
  const end = () => over.abort();
  client.on("notification", ({ payload }) => {
    if (/^[1-9]\d{0,14}$/.test(payload ?? "")) onTouched(Number(payload));
  });
  client.on("error", end).on("end", end);
  signal.addEventListener("abort", end);
  try {
    await client.connect();
    await client.query(`LISTEN ${channel}`);
    heard();
    const ended = once(over.signal, "abort");
    while (!over.signal.aborted) {
      await Promise.race([client.query("SELECT 1"), ended]);
      await sleep(silentMs, undefined, { signal: over.signal }).catch(() => undefined);
    }
  } finally {
    signal.removeEventListener("abort", end);
    void client.end().catch(() => undefined);
  }
}
