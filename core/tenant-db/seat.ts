/** A connection in the pool: who holds it, whom it knows, and when it has served long enough. */

/** What the pool needs of a connection. */
export interface Poolable {
  /** True when the next tenant may have it. */
  readonly isClean: boolean;
  /** False behind a pooler: the server process that met a tenant is another one the next time. */
  readonly isDirect: boolean;
  /** Whether a statement may be sent before the one before it is answered. False as soon as something failed. */
  readonly canPipeline: boolean;
  /** What was written on it has not been sent yet. */
  readonly isGathering: boolean;
}

export interface Waiter<C> {
  readonly tenant: number;
  /** About how long he needs it, where one will do that other brief statements are on; Infinity for who wants one alone. */
  readonly takesMs: number;
  /** `performance.now()` when it began to wait. */
  readonly since: number;
  readonly resolve: (connection: C) => void;
  readonly reject: (error: Error) => void;
}

export interface Seat<C> {
  readonly connection: C;
  /** Tenants whose tables the server's process remembers: it never forgets one. */
  readonly knows: Set<number>;
  readonly retireAt: number;
  /** Who waits for this one, in order. */
  readonly line: Waiter<C>[];
  /** Who has it; more than one only where all are there for one brief statement. */
  holders: number;
  /** About how long those who have it need it together; Infinity for who has it alone. */
  aheadMs: number;
  /** When it was taken or given back last, in `performance.now()` milliseconds. */
  turnedAt: number;
  uses: number;
  /** Tenants known when its memory was measured last. */
  measuredAt: number;
  /** Part of the memory it may use that it used when it was measured last. */
  fullness: number;
  isWorn: boolean;
}

export interface WearLimits {
  readonly maxAgeMs: number;
  readonly maxUses: number;
}

/** Not all at once: what was opened together retires spread over a quarter of its life. */
export function createSeat<C>(connection: C, { maxAgeMs }: WearLimits): Seat<C> {
  const now = performance.now();
  return {
    connection,
    knows: new Set(),
    retireAt: now + maxAgeMs * (1 - Math.random() / 4),
    line: [],
    holders: 1,
    aheadMs: Infinity,
    turnedAt: now,
    uses: 0,
    measuredAt: 0,
    fullness: 0,
    isWorn: false,
  };
}

/** True when no tenant may have it any more. */
export const isSpent = <C extends Poolable>(seat: Seat<C>, limits: WearLimits): boolean =>
  isDue(seat, limits) || !seat.connection.isClean;

const isDue = <C extends Poolable>(seat: Seat<C>, { maxUses }: WearLimits): boolean =>
  seat.isWorn || seat.uses >= maxUses || performance.now() >= seat.retireAt;

/** Brief statements that are sent to one connection before the first of them is answered. */
export const depth = 8;
/** How long a statement may have to wait behind others when all connections are in use. */
const queueMs = 40;
/** Held for longer without an answer, what runs on it is not as brief as it was taken for. */
const briefMs = 5;

/** True when one more brief statement may be sent behind those that are on it. */
export const canShare = <C extends Poolable>(seat: Seat<C>, limits: WearLimits): boolean =>
  seat.aheadMs <= queueMs &&
  seat.holders < depth &&
  seat.connection.canPipeline &&
  performance.now() - seat.turnedAt < briefMs &&
  !isDue(seat, limits);

/** Fuller than this, a connection gets no newcomers while others are emptier. */
const crowded = 0.5;

/** It knows so much already that another connection had better know whoever comes next. */
export const isCrowded = <C>(seat: Seat<C>): boolean => seat.fullness >= crowded;

/** Takes out of a line who has waited since before that time. */
export function takeLate<T extends { readonly since: number }>(line: T[], before: number): T[] {
  const firstInTime = line.findIndex(({ since }) => since > before);
  return line.splice(0, firstInTime === -1 ? line.length : firstInTime);
}
