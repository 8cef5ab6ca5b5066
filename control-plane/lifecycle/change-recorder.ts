import { setImmediate as nextTurn } from "node:timers/promises";
import type { ControlContext } from "../context.ts";
import { recordChanges, type ResourceChange } from "./operation-store.ts";
import type { LeasedTenant } from "./resource.ts";

export interface ChangeRecorder {
  /** Resolves when the change is written. @throws LeaseLost, for every change of the same write. */
  record(change: ResourceChange): Promise<void>;
}

/**
 * Writes one tenant's changes one statement at a time; what comes while one is on its way goes together in the next.
 * While schemas are made, the first statement of every other connection pays milliseconds for the server's cache
 * invalidations: few statements on few connections are what keeps four provisionings at once fast.
 * @param isServable asked when a write starts; true when the company can be served once its changes are written.
 */
export function createChangeRecorder(
  ctx: ControlContext,
  tenant: LeasedTenant,
  isServable: () => boolean,
): ChangeRecorder {
  let waiting: ResourceChange[] = [];
  let next: Promise<void> | undefined;
  let last: Promise<unknown> = Promise.resolve();
  const write = () => {
    const changes = waiting;
    waiting = [];
    next = undefined;
    return recordChanges(ctx, tenant, { changes, servable: isServable() });
  };
  return {
    record(change) {
      waiting.push(change);
      if (next === undefined) {
        // A turn later: what follows from a change is known by then.
        next = last.then(() => nextTurn()).then(write);
        last = next.catch(() => undefined);
      }
      return next;
    },
  };
}
