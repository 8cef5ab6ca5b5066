/** The connections of a pool: opened when they are wanted, closed when they are worn, unused for long or more than enough. */
import type { LeanSize } from "./lean-size.ts";
import type { Seats } from "./seat-choice.ts";
import { createSeat, isCrowded, type Poolable, type Seat, type WearLimits } from "./seat.ts";

export interface KeeperOptions<C> extends WearLimits {
  readonly max: number;
  /** What it throws is thrown by `acquire` when no other connection is there. */
  readonly open: () => Promise<C>;
  readonly close: (connection: C) => void;
  /** What nobody used for this long is closed. */
  readonly idleMs: number;
}

export interface SeatKeeper<C> extends Seats<C> {
  readonly all: Map<C, Seat<C>>;
  /** A copy: what is served may be free again at once. */
  free(): Seat<C>[];
  /** Being opened now. */
  readonly opening: number;
  readonly isFull: boolean;
  /** One more, where there is room. */
  grow(): void;
  /** It is closed, and its tenants are newcomers again. */
  retire(seat: Seat<C>): void;
  readonly isClosed: boolean;
  /** Closes who is free; resolves when the others have been retired. */
  close(): Promise<void>;
}

export interface KeeperEvents<C> {
  opened(seat: Seat<C>): void;
  /** The connection could not be opened. */
  failed(error: Error): void;
  retired(seat: Seat<C>): void;
}

const trimMs = 1_000;

export function createSeatKeeper<C extends Poolable>(
  options: KeeperOptions<C>,
  size: LeanSize,
  events: KeeperEvents<C>,
): SeatKeeper<C> {
  const all = new Map<C, Seat<C>>();
  const idle = new Set<Seat<C>>();
  const homes = new Map<number, Seat<C>>();
  let opening = 0;
  let isClosed = false;
  let onLeft = () => {};
  const isFull = () => all.size + opening >= options.max;
  const free = () => Array.from(idle);

  const retire = (seat: Seat<C>): void => {
    if (!all.delete(seat.connection)) return;
    idle.delete(seat);
    for (const tenant of seat.knows) if (homes.get(tenant) === seat) homes.delete(tenant);
    options.close(seat.connection);
    events.retired(seat);
    onLeft();
  };

  const closing = setInterval(() => {
    for (const seat of free()) if (seat.turnedAt < performance.now() - options.idleMs) retire(seat);
  }, options.idleMs / 4).unref();

  /** The one that knows fewest goes: its tenants are soon known to others. Where memory is short more connections help. */
  const trimming = setInterval(() => {
    const seats = [...all.values()];
    if (seats.length <= size.enough() || seats.some(isCrowded)) return;
    const [fewest] = seats.toSorted((a, b) => a.knows.size - b.knows.size);
    if (fewest === undefined) return;
    fewest.isWorn = true;
    if (idle.has(fewest)) retire(fewest);
  }, trimMs).unref();

  return {
    all,
    idle,
    homes,
    free,
    retire,
    get opening() {
      return opening;
    },
    get isFull() {
      return isFull();
    },
    get isClosed() {
      return isClosed;
    },
    grow() {
      if (isClosed || isFull()) return;
      opening += 1;
      options.open().then(
        (connection) => {
          opening -= 1;
          const seat = createSeat(connection, options);
          all.set(connection, seat);
          events.opened(seat);
        },
        (error: Error) => {
          opening -= 1;
          events.failed(error);
          onLeft();
        },
      );
    },
    async close() {
      isClosed = true;
      clearInterval(closing);
      clearInterval(trimming);
      for (const seat of free()) retire(seat);
      while (all.size + opening > 0) await new Promise<void>((resolve) => (onLeft = resolve));
    },
  };
}
