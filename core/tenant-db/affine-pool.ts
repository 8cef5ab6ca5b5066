/**
 * Connections that tenants take turns on. A server process loads a tenant's catalog entries when it first meets it (slow,
 * and memory that it never gives back), so a tenant goes where it is known.
 */
import { createLeanSize } from "./lean-size.ts";
import { createSeatChoice, many } from "./seat-choice.ts";
import { createSeat, isSpent, type Poolable, type Seat, type Waiter, type WearLimits } from "./seat.ts";
import { createWaitingRoom } from "./waiting-room.ts";

export interface AffinePoolOptions<C extends Poolable> extends WearLimits {
  readonly max: number;
  /** What it throws is thrown by `acquire` when no other connection is there. */
  readonly open: () => Promise<C>;
  readonly close: (connection: C) => void;
  /**
   * How much of the memory that it may use a connection uses: above 1 it is replaced. Asked after every hundred tenants
   * that are new to it.
   */
  readonly measure: (connection: C, tenants: number) => Promise<number>;
  /** How long a caller waits at most. */
  readonly waitMs: number;
  /** What nobody used for this long is closed. */
  readonly idleMs: number;
  /** See createLeanSize. */
  readonly load?: () => number;
}

export interface AffinePool<C> {
  /**
   * Lends a connection until `release`, at once where one is free. For one brief statement, of which `takesMs` is known, it
   * may be one that others like it are on. @throws Error "Timeout acquiring a connection …", or what `open` throws.
   */
  acquire(tenant: number, takesMs?: number): C | Promise<C>;
  release(connection: C): void;
  /** The connection has ended by itself. */
  lost(connection: C): void;
  /** Refuses who waits, lets holders end, closes the rest. */
  close(): Promise<void>;
}

/** How long a free connection leaves alone who waits for another: longer while the server has work enough anyway. */
const patienceMs = { quiet: { usual: 2, amongBrief: 20 }, busy: { usual: 8, amongBrief: 40 } };
const sweepMs = 200;
/** So long somebody waits before another connection is opened for brief statements: to open one costs the server as much. */
const growthMs = 20;

export function createAffinePool<C extends Poolable>(options: AffinePoolOptions<C>): AffinePool<C> {
  const { max } = options;
  const seats = new Map<C, Seat<C>>();
  const idle = new Set<Seat<C>>();
  const homes = new Map<number, Seat<C>>();
  const choice = createSeatChoice({ all: seats, idle, homes }, options);
  const room = createWaitingRoom(seats);
  const size = createLeanSize(options.load);
  let opening = 0;
  let isClosed = false;
  let onLeft = () => {};
  let timer: NodeJS.Timeout | undefined;
  let lookAt = 0;

  const grant = (seat: Seat<C>, { tenant, takesMs }: Pick<Waiter<C>, "tenant" | "takesMs">): C => {
    idle.delete(seat);
    choice.lent(seat);
    seat.aheadMs = takesMs + (seat.holders > 0 ? seat.aheadMs : 0);
    seat.holders += 1;
    if (takesMs === Infinity) size.lentAlone();
    seat.turnedAt = performance.now();
    seat.uses += 1;
    if (!seat.connection.isDirect) return seat.connection;
    const home = homes.get(tenant);
    if (home === seat) return seat.connection;
    seat.knows.add(tenant);
    if (home === undefined) homes.set(tenant, seat);
    return seat.connection;
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
    const isBusy = (seats.size - idle.size) * 2 > max;
    const next = room.call(seat, isBusy ? patienceMs.busy : patienceMs.quiet);
    next?.resolve(grant(seat, next));
    return next !== undefined;
  };

  const shareOn = (seat: Seat<C>): void => {
    while (!room.isEmpty && !room.hasLoner && choice.isShareable(seat) && serveNext(seat));
  };

  const wait = (waiter: Waiter<C>): void => {
    room.enter(waiter, homes.get(waiter.tenant));
    if (idle.size === 0 && opening < (seats.size === 0 ? room.wanted : room.loners)) grow();
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
        if (seats.size === 0) room.refuseNewcomers(error);
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
    if (room.disperse(seat) && seats.size < Math.max(1, room.loners)) grow();
    onLeft();
  };

  /** A copy: what is served may be free again at once. */
  const free = () => Array.from(idle);

  /** While somebody waits: gives free seats to who has waited long enough for another, refuses who has waited too long. */
  const look = (): void => {
    timer = undefined;
    for (const seat of free()) {
      idle.delete(seat);
      serve(seat);
    }
    room.refuse(new Error("Timeout acquiring a connection: all were in use"), performance.now() - options.waitMs);
    if (idle.size === 0 && opening === 0 && room.waitedSince < performance.now() - growthMs && !size.isBusy) {
      size.grown();
      grow();
    }
    lookSoon();
  };

  const lookSoon = (): void => {
    if (room.isEmpty) return;
    const inMs = idle.size > 0 ? patienceMs.quiet.usual : seats.size + opening < max ? growthMs : sweepMs;
    if (timer !== undefined && performance.now() + inMs >= lookAt) return;
    clearTimeout(timer);
    lookAt = performance.now() + inMs;
    timer = setTimeout(look, inMs);
  };

  const closing = setInterval(() => {
    for (const seat of free()) if (seat.turnedAt < performance.now() - options.idleMs) retire(seat);
  }, options.idleMs / 4).unref();

  /** The one that knows fewest goes: its tenants are soon known to others. */
  const trimming = setInterval(() => {
    if (seats.size <= size.enough()) return;
    const [fewest] = [...seats.values()].toSorted((a, b) => a.knows.size - b.knows.size);
    if (fewest === undefined) return;
    fewest.isWorn = true;
    if (idle.has(fewest)) retire(fewest);
  }, 1_000).unref();

  return {
    acquire(tenant, takesMs = Infinity) {
      if (isClosed) return Promise.reject(closedError());
      const seat = choice.choose(tenant, takesMs < Infinity && !room.hasLoner);
      if (seat !== undefined) {
        if (choice.isCrowded(seat) && !seat.knows.has(tenant)) grow();
        return grant(seat, { tenant, takesMs });
      }
      return new Promise((resolve, reject) => wait({ tenant, takesMs, since: performance.now(), resolve, reject }));
    },
    release(connection) {
      const seat = seats.get(connection);
      if (seat === undefined || seat.holders === 0) return;
      if (seat.aheadMs === Infinity) size.returned();
      if (seat.holders > 1) {
        seat.aheadMs *= 1 - 1 / seat.holders;
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
      seat.aheadMs = Infinity;
      options.measure(connection, seat.knows.size).then(
        (fullness) => {
          seat.fullness = fullness;
          seat.isWorn ||= fullness > 1;
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
      clearInterval(trimming);
      clearTimeout(timer);
      room.refuse(closedError());
      for (const seat of free()) retire(seat);
      while (seats.size + opening > 0) await new Promise<void>((resolve) => (onLeft = resolve));
    },
  };
}

const closedError = () => new Error("Unable to acquire a connection: the pool is closed");
