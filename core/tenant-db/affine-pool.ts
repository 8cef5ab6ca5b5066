/**
 * Connections that tenants take turns on. A server process loads a tenant's catalog entries when it first meets it (slow,
 * and memory that it never gives back), so a tenant goes where it is known.
 */
import { createLeanSize } from "./lean-size.ts";
import { createSeatChoice, many } from "./seat-choice.ts";
import { createSeatKeeper, type KeeperOptions } from "./seat-keeper.ts";
import { isCrowded, isSpent, type Poolable, type Seat, type Waiter } from "./seat.ts";
import { createWaitingRoom } from "./waiting-room.ts";

export interface AffinePoolOptions<C extends Poolable> extends KeeperOptions<C> {
  /**
   * How much of the memory that it may use a connection uses: above 1 it is replaced. Asked after every hundred tenants
   * that are new to it.
   */
  readonly measure: (connection: C, tenants: number) => Promise<number>;
  /** How long a caller waits at most. */
  readonly waitMs: number;
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
/**
 * So long somebody waits before another connection is opened for brief statements: to open one costs the server as much.
 * Longer while the process is busy: what it waits for is mostly itself.
 */
const growthMs = { usual: 20, busy: 100 };

export function createAffinePool<C extends Poolable>(options: AffinePoolOptions<C>): AffinePool<C> {
  const size = createLeanSize(options.load);
  const keeper = createSeatKeeper(options, size, {
    opened: (seat) => serve(seat),
    failed: (error) => {
      if (seats.size === 0) room.refuseNewcomers(error);
    },
    retired: (seat) => {
      if (room.disperse(seat) && seats.size < Math.max(1, room.loners)) keeper.grow();
    },
  });
  const { all: seats, idle, homes } = keeper;
  const choice = createSeatChoice(keeper, options);
  const room = createWaitingRoom(seats);
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
    if (keeper.isClosed || isSpent(seat, options)) {
      keeper.retire(seat);
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
    const isBusy = (seats.size - idle.size) * 2 > options.max;
    const next = room.call(seat, isBusy ? patienceMs.busy : patienceMs.quiet);
    next?.resolve(grant(seat, next));
    return next !== undefined;
  };

  const shareOn = (seat: Seat<C>): void => {
    while (!room.isEmpty && !room.hasLoner && choice.isShareable(seat) && serveNext(seat));
  };

  const wait = (waiter: Waiter<C>): void => {
    room.enter(waiter, homes.get(waiter.tenant));
    if (idle.size === 0 && keeper.opening < (seats.size === 0 ? room.wanted : room.loners)) keeper.grow();
    lookSoon();
  };

  /** While somebody waits: gives free seats to who has waited long enough for another, refuses who has waited too long. */
  const look = (): void => {
    timer = undefined;
    for (const seat of keeper.free()) {
      idle.delete(seat);
      serve(seat);
    }
    room.refuse(new Error("Timeout acquiring a connection: all were in use"), performance.now() - options.waitMs);
    const lateMs = size.isBusy ? growthMs.busy : growthMs.usual;
    if (idle.size === 0 && keeper.opening === 0 && room.waitedSince < performance.now() - lateMs) {
      size.grown();
      keeper.grow();
    }
    lookSoon();
  };

  const lookSoon = (): void => {
    if (room.isEmpty) return;
    const inMs = idle.size > 0 ? patienceMs.quiet.usual : keeper.isFull ? sweepMs : growthMs.usual;
    if (timer !== undefined && performance.now() + inMs >= lookAt) return;
    clearTimeout(timer);
    lookAt = performance.now() + inMs;
    timer = setTimeout(look, inMs);
  };

  return {
    acquire(tenant, takesMs = Infinity) {
      if (keeper.isClosed) return Promise.reject(closedError());
      const seat = choice.choose(tenant, takesMs < Infinity && !room.hasLoner);
      if (seat !== undefined) {
        if (isCrowded(seat) && !seat.knows.has(tenant)) keeper.grow();
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
        () => keeper.retire(seat),
      );
    },
    lost(connection) {
      const seat = seats.get(connection);
      if (seat === undefined) return;
      seat.isWorn = true;
      if (idle.has(seat)) keeper.retire(seat);
    },
    close() {
      clearTimeout(timer);
      const closing = keeper.close();
      room.refuse(closedError());
      return closing;
    },
  };
}

const closedError = () => new Error("Unable to acquire a connection: the pool is closed");
