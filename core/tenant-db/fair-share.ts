/** How many connections one tenant may hold at once: who is beyond that waits, however many are free. */
import { AppError } from "../errors.ts";
import { takeLate } from "./seat.ts";

export interface FairShare {
  /** Undefined when the tenant may go on at once. @throws AppError `tenant-busy` when nothing came free in time. */
  enter(tenant: number, share: number): Promise<void> | undefined;
  /** Once for every `enter` that did not throw. */
  leave(tenant: number): void;
  close(): void;
}

interface Blocked {
  readonly since: number;
  readonly share: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

interface Account {
  inside: number;
  readonly blocked: Blocked[];
}

const sweepMs = 200;
/** Accounts that are kept although nobody is inside. */
const most = 10_000;

export function createFairShare(waitMs: number): FairShare {
  const accounts = new Map<number, Account>();
  let timer: NodeJS.Timeout | undefined;
  let blocked = 0;

  const refuseLate = () => {
    timer = undefined;
    for (const account of accounts.values())
      for (const late of takeLate(account.blocked, performance.now() - waitMs)) {
        blocked -= 1;
        late.reject(tenantBusy());
      }
    if (blocked > 0) timer = setTimeout(refuseLate, sweepMs);
  };

  return {
    enter(tenant, share) {
      let account = accounts.get(tenant);
      if (account === undefined) accounts.set(tenant, (account = { inside: 0, blocked: [] }));
      if (account.inside < share) {
        account.inside += 1;
        return undefined;
      }
      return new Promise((resolve, reject) => {
        account.blocked.push({ since: performance.now(), share, resolve, reject });
        blocked += 1;
        timer ??= setTimeout(refuseLate, sweepMs);
      });
    },
    leave(tenant) {
      const account = accounts.get(tenant);
      if (account === undefined) return;
      const next = account.blocked[0];
      // Whoever goes takes the place over: the plan may have become smaller meanwhile.
      if (next !== undefined && account.inside <= next.share) {
        account.blocked.shift();
        blocked -= 1;
        next.resolve();
        return;
      }
      account.inside -= 1;
      // Empty ones are kept: to make and drop one with each statement would cost more than all the rest.
      if (account.inside === 0 && accounts.size > most) accounts.delete(tenant);
    },
    close() {
      clearTimeout(timer);
      const error = new Error("Unable to acquire a connection: the pool is closed");
      for (const account of accounts.values()) for (const one of account.blocked.splice(0)) one.reject(error);
    },
  };
}

const tenantBusy = () =>
  new AppError("tenant-busy", "The company's other requests use all its database connections. Try again shortly.", {
    retryAfterSeconds: 2,
  });
