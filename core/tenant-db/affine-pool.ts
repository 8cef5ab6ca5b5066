/**
 * Connections that tenants take turns on. A server process loads a tenant's catalog entries when it first meets it (slow,
 * and memory that it never gives back), so a tenant goes where it is known.
 */
import { nextWaiter } from "./next-waiter.ts";
import {
  canShare,
  createSeat,
  isSpent,
  takeLate,
  type Poolable,
  type Seat,
  type Waiter,
  type WearLimits,
} from "./seat.ts";

export interface AffinePoolOptions<C extends Poolable> extends WearLimits {
  readonly max: number;
  /** What it throws is thrown by `acquire` when no other connection is there. */
  readonly open: () => Promise<C>;
  readonly close: (connection: C) => void;
  /** Whether a connection has become too costly to keep; asked after every hundred tenants that are new to it. */
  readonly isWorn: (connection: C, tenants: number) => Promise<boolean>;
  /** How long a caller waits at most. */
  readonly waitMs: number;
  /** What nobody used for this long is closed. */
  readonly idleMs: number;
}

export interface AffinePool<C> {
  /**
   * Lends a connection until `release`, at once where one is free. Who is brief, for one statement that was quick so
   * far, may get one that others like him are on. @throws Error "Timeout acquiring a connection …", or what `open` throws.
   */
  acquire(tenant: number, isBrief?: boolean): C | Promise<C>;
  release(connection: C): void;
  /** The connection has ended by itself. */
  lost(connection: C): void;
  /** Refuses who waits, lets holders end, closes the rest. */
  close(): Promise<void>;
}

/** So many new tenants make a look at the connection worth its while, or another connection for the next newcomer. */
const many = 100;
/** How long a free connection leaves alone who waits for another: longer while the server has work enough anyway. */
const patienceMs = { quiet: 2, busy: 8 };
const sweepMs = 200;

export function createAffinePool<C extends Poolable>(options: AffinePoolOptions<C>): AffinePool<C> {
  const { max } = options;
  const seats = new Map<C, Seat<C>>();
  const idle = new Set<Seat<C>>();
  /** Where each tenant is known and goes first. */
  const homes = new Map<number, Seat<C>>();
  /** Whose tenant is known nowhere. */
  const newcomers: Waiter<C>[] = [];
  let opening = 0;
  let waiting = 0;
  /** Of these, who wants a connection alone: until they have theirs, nobody shares. */
  let waitingAlone = 0;
  let isClosed = false;
  let onLeft = () => {};
  let timer: NodeJS.Timeout | undefined;
  let lookAt = 0;

  const grant = (seat: Seat<C>, { tenant, isBrief }: Pick<Waiter<C>, "tenant" | "isBrief">): C => {
    idle.delete(seat);
    seat.isShared = isBrief;
    seat.holders += 1;
    seat.turnedAt = performance.now();
    seat.uses += 1;
    if (!seat.connection.isDirect) return seat.connection;
    const home = homes.get(tenant);
    if (home === seat) return seat.connection;
    seat.knows.add(tenant);
    if (home === undefined) homes.set(tenant, seat);
    return seat.connection;
  };

  /** Free and the right one: the tenant's home, one that knows it, or for a newcomer the one that knows fewest. */
  const findIdle = (tenant: number): Seat<C> | undefined => {
    const home = homes.get(tenant);
    if (home !== undefined && idle.has(home)) return home;
    let fewest: Seat<C> | undefined;
    for (const seat of idle) {
      if (seat.knows.has(tenant)) return seat;
      if (seat.knows.size < (fewest?.knows.size ?? Infinity)) fewest = seat;
    }
    if (home !== undefined) return undefined;
    if (fewest !== undefined && fewest.knows.size >= many) grow();
    return fewest;
  };

  /** Its home, one that knows it, or for a newcomer the one that knows fewest, where brief statements are on their way. */
  const findShared = (tenant: number): Seat<C> | undefined => {
    if (waitingAlone > 0) return undefined;
    const home = homes.get(tenant);
    if (home !== undefined && isShareable(home)) return home;
    let fewest: Seat<C> | undefined;
    for (const seat of seats.values()) {
      if (!isShareable(seat)) continue;
      if (seat.knows.has(tenant)) return seat;
      if (seat.knows.size < (fewest?.knows.size ?? Infinity)) fewest = seat;
    }
    return home === undefined ? fewest : undefined;
  };
  const isShareable = (seat: Seat<C>) => canShare(seat, options) && seat.knows.size - seat.measuredAt < many;

  const nextFor = (seat: Seat<C>): Waiter<C> | undefined => {
    if (waiting === 0) return undefined;
    const isBusy = (seats.size - idle.size) * 2 > max;
    return nextWaiter(seat, { newcomers, seats, patienceMs: isBusy ? patienceMs.busy : patienceMs.quiet });
  };

  const serve = (seat: Seat<C>): void => {
    if (isClosed || isSpent(seat, options)) {
      retire(seat);
      return;
    }
    if (seat.holders > 0) seat.turnedAt = performance.now();
    seat.holders = 0;
    if (!serveNext(seat)) {
      idle.add(seat);
      lookSoon();
      return;
    }
    shareOn(seat);
  };

  const serveNext = (seat: Seat<C>): boolean => {
    const next = nextFor(seat);
    if (next === undefined) return false;
    waiting -= 1;
    if (!next.isBrief) waitingAlone -= 1;
    next.resolve(grant(seat, next));
    return true;
  };

  const shareOn = (seat: Seat<C>): void => {
    while (waiting > 0 && waitingAlone === 0 && isShareable(seat) && serveNext(seat));
  };

  const wait = (waiter: Waiter<C>): void => {
    waiting += 1;
    if (!waiter.isBrief) waitingAlone += 1;
    (homes.get(waiter.tenant)?.line ?? newcomers).push(waiter);
    if (idle.size === 0) grow();
    lookSoon();
  };

  const grow = (): void => {
    if (isClosed || seats.size + opening >= max) return;
    opening += 1;
    options.open().then(
      (connection) => {
        opening -= 1;
        const seat = createSeat(connection, options);
        seats.set(connection, seat);
        serve(seat);
      },
      (error: Error) => {
        opening -= 1;
        if (seats.size === 0) refuse(newcomers.splice(0), error);
        onLeft();
      },
    );
  };

  /** Its tenants are newcomers again. */
  const retire = (seat: Seat<C>): void => {
    if (!seats.delete(seat.connection)) return;
    idle.delete(seat);
    for (const tenant of seat.knows) if (homes.get(tenant) === seat) homes.delete(tenant);
    options.close(seat.connection);
    newcomers.push(...seat.line.splice(0));
    if (newcomers.length > 0) grow();
    onLeft();
  };

  const refuse = (waiters: readonly Waiter<C>[], error: Error): void => {
    waiting -= waiters.length;
    for (const { reject, isBrief } of waiters) {
      if (!isBrief) waitingAlone -= 1;
      reject(error);
    }
  };
  /** A copy: what is served may be free again at once. */
  const free = () => Array.from(idle);
  const lines = () => [newcomers, ...[...seats.values()].map(({ line }) => line)];

  /** While somebody waits: gives free seats to who has waited long enough for another, refuses who has waited too long. */
  const look = (): void => {
    timer = undefined;
    for (const seat of free()) {
      idle.delete(seat);
      serve(seat);
    }
    for (const line of lines())
      refuse(
        takeLate(line, performance.now() - options.waitMs),
        new Error("Timeout acquiring a connection: all were in use"),
      );
    lookSoon();
  };

  const lookSoon = (): void => {
    if (waiting === 0) return;
    const inMs = idle.size > 0 ? patienceMs.quiet : sweepMs;
    if (timer !== undefined && performance.now() + inMs >= lookAt) return;
    clearTimeout(timer);
    lookAt = performance.now() + inMs;
    timer = setTimeout(look, inMs);
  };

  const closing = setInterval(() => {
    for (const seat of free()) if (seat.turnedAt < performance.now() - options.idleMs) retire(seat);
  }, options.idleMs / 4).unref();

  return {
    acquire(tenant, isBrief = false) {
      if (isClosed) return Promise.reject(closedError());
      const seat = findIdle(tenant) ?? (isBrief ? findShared(tenant) : undefined);
      if (seat !== undefined) return grant(seat, { tenant, isBrief });
      return new Promise((resolve, reject) => wait({ tenant, isBrief, since: performance.now(), resolve, reject }));
    },
    release(connection) {
      const seat = seats.get(connection);
      if (seat === undefined || seat.holders === 0) return;
      if (seat.holders > 1) {
        seat.holders -= 1;
        seat.turnedAt = performance.now();
        shareOn(seat);
        return;
      }
      if (seat.knows.size - seat.measuredAt < many || !connection.isClean) {
        serve(seat);
        return;
      }
      seat.measuredAt = seat.knows.size;
      seat.isShared = false;
      options.isWorn(connection, seat.knows.size).then(
        (isWorn) => {
          seat.isWorn = isWorn;
          serve(seat);
        },
        () => retire(seat),
      );
    },
    lost(connection) {
      const seat = seats.get(connection);
      if (seat === undefined) return;
      seat.isWorn = true;
      if (idle.has(seat)) retire(seat);
    },
    async close() {
      isClosed = true;
      clearInterval(closing);
      clearTimeout(timer);
      refuse(
        lines().flatMap((line) => line.splice(0)),
        closedError(),
      );
      for (const seat of free()) retire(seat);
      while (seats.size + opening > 0) await new Promise<void>((resolve) => (onLeft = resolve));
    },
  };
}

const closedError = () => new Error("Unable to acquire a connection: the pool is closed");
