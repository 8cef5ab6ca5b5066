/** Who waits for a connection: each in the line of the one that knows the tenant, whose tenant is known nowhere in another. */
import { nextWaiter, type Patience } from "./next-waiter.ts";
import { depth, takeLate, type Poolable, type Seat, type Waiter } from "./seat.ts";

export interface WaitingRoom<C> {
  readonly isEmpty: boolean;
  /** Somebody wants a connection alone: until he has his, nobody shares one. */
  readonly hasLoner: boolean;
  /** How many want one alone. */
  readonly loners: number;
  /** Connections that would serve all who wait now. */
  readonly wanted: number;
  /** When the first of those who wait now began to, in `performance.now()` milliseconds; Infinity when nobody waits. */
  readonly waitedSince: number;
  /** @param home whose line it is; absent for a newcomer. */
  enter(waiter: Waiter<C>, home: Seat<C> | undefined): void;
  /** Who is served next by this connection, taken out of his line. */
  call(seat: Seat<C>, patienceMs: Patience): Waiter<C> | undefined;
  /** The connection is gone: who waited for it waits for any. True when there are such. */
  disperse(seat: Seat<C>): boolean;
  /** @param since before that time; absent: all. */
  refuse(error: Error, since?: number): void;
  refuseNewcomers(error: Error): void;
}

export function createWaitingRoom<C extends Poolable>(seats: ReadonlyMap<C, Seat<C>>): WaitingRoom<C> {
  const newcomers: Waiter<C>[] = [];
  let waiting = 0;
  let loners = 0;
  const gone = ({ takesMs }: Waiter<C>): void => {
    waiting -= 1;
    if (takesMs === Infinity) loners -= 1;
  };
  const refuseThem = (waiters: readonly Waiter<C>[], error: Error): void => {
    for (const waiter of waiters) {
      gone(waiter);
      waiter.reject(error);
    }
  };
  const lines = () => [newcomers, ...[...seats.values()].map(({ line }) => line)];
  return {
    get isEmpty() {
      return waiting === 0;
    },
    get hasLoner() {
      return loners > 0;
    },
    get loners() {
      return loners;
    },
    get waitedSince() {
      return lines().reduce((since, line) => Math.min(since, line[0]?.since ?? Infinity), Infinity);
    },
    get wanted() {
      return loners + Math.ceil((waiting - loners) / depth);
    },
    enter(waiter, home) {
      waiting += 1;
      if (waiter.takesMs === Infinity) loners += 1;
      (home?.line ?? newcomers).push(waiter);
    },
    call(seat, patienceMs) {
      if (waiting === 0) return undefined;
      const next = nextWaiter(seat, { newcomers, seats, patienceMs });
      if (next !== undefined) gone(next);
      return next;
    },
    disperse(seat) {
      newcomers.push(...seat.line.splice(0));
      return newcomers.length > 0;
    },
    refuse(error, since = Infinity) {
      for (const line of lines()) refuseThem(takeLate(line, since), error);
    },
    refuseNewcomers: (error) => refuseThem(newcomers.splice(0), error),
  };
}
