/** While a run migrates tenants when somebody asks for them: tells its coordinator for whom somebody did. */
import { LRUCache } from "lru-cache";
import type { Knex } from "../core/db.ts";
import type { Logger } from "../core/logger.ts";
import { registryPatienceMs } from "../core/registry.ts";

export interface Touches {
  /** A request is for this tenant; it is served as its schema is, and waits for nothing. */
  touch(companyId: number): void;
  close(): Promise<void>;
}

/** A tenant is named once in this time: what was not heard is said again by a later request. */
const againMs = 60_000;
/** Tenants are named together. */
const gatherMs = 100;

/** @param isAwaited asked for every request; without such a run nothing else happens. */
export function openTouches(registry: Knex, log: Logger, isAwaited: () => boolean): Touches {
  const told = new LRUCache<number, true>({ max: 10_000, ttl: againMs });
  let gathered: number[] = [];
  let timer: NodeJS.Timeout | undefined;
  let sending: Promise<void> = Promise.resolve();
  const send = async () => {
    const ids = gathered;
    gathered = [];
    timer = undefined;
    try {
      await registry.raw("SELECT public.touch_tenants(?)", [ids]).timeout(registryPatienceMs);
    } catch (error) {
      log.debug({ err: error }, "tenants that wait for their migration were not named; their next request does it");
      for (const id of ids) told.delete(id);
    }
  };
  return {
    touch(companyId) {
      if (!isAwaited() || told.has(companyId)) return;
      told.set(companyId, true);
      gathered.push(companyId);
      timer ??= setTimeout(() => (sending = send()), gatherMs);
    },
    close() {
      clearTimeout(timer);
      return sending;
    },
  };
}
