/** A connection in the pool: who holds it, whom it knows, and when it has served long enough. */

/** What the pool needs of a connection. */
export interface Poolable {
  /** True when the next tenant may have it. */
  readonly isClean: boolean;
  /** False behind a pooler: the server process that met a tenant is another one the next time. */
  readonly isDirect: boolean;
}

export interface Waiter<C> {
  readonly tenant: number;
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
  isHeld: boolean;
  /** When it was taken or given back last, in `performance.now()` milliseconds. */
  turnedAt: number;
  uses: number;
  /** Tenants known when its memory was measured last. */
  measuredAt: number;
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
    isHeld: true,
    turnedAt: now,
    uses: 0,
    measuredAt: 0,
    isWorn: false,
  };
}

/** True when no tenant may have it any more. */
export const isSpent = <C extends Poolable>(seat: Seat<C>, { maxUses }: WearLimits): boolean =>
  seat.isWorn || seat.uses >= maxUses || performance.now() >= seat.retireAt || !seat.connection.isClean;

/** Takes out of a line who has waited since before that time. */
export function takeLate<T extends { readonly since: number }>(line: T[], before: number): T[] {
  const firstInTime = line.findIndex(({ since }) => since > before);
  return line.splice(0, firstInTime === -1 ? line.length : firstInTime);
}
