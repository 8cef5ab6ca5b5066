/** Whom a connection that came free serves next. */
import type { Seat, Waiter } from "./seat.ts";

export interface Waiting<C> {
  /** Whose tenant is known nowhere. */
  readonly newcomers: Waiter<C>[];
  readonly seats: ReadonlyMap<C, Seat<C>>;
  /** How long who waits for another connection is left to it. */
  readonly patienceMs: Patience;
}

export interface Patience {
  readonly usual: number;
  /** Who needs it for a moment, as those do who have it: to be new elsewhere would cost the server more than he waits. */
  readonly amongBrief: number;
}

/** Held for longer than this, a connection's line is everybody's. */
const stuckMs = 50;

/**
 * Of those who wait for this one, for any, for another though this one knows them too, or behind somebody who does not end,
 * the one who has waited longest; without any, who waits too long elsewhere. Taken out of the line.
 */
export function nextWaiter<C>(seat: Seat<C>, { newcomers, seats, patienceMs }: Waiting<C>): Waiter<C> | undefined {
  const now = performance.now();
  const oldest = createOldest<C>();
  oldest.offer(seat.line, 0);
  oldest.offer(newcomers, 0);
  for (const other of seats.values()) {
    const isStuck = other.holders > 0 && other.turnedAt < now - stuckMs;
    oldest.offer(other.line, isStuck ? 0 : other.line.findIndex(({ tenant }) => seat.knows.has(tenant)));
  }
  const next = oldest.take();
  if (next !== undefined) return next;
  const late = createOldest<C>();
  for (const other of seats.values()) {
    const [first] = other.line;
    const areBrief = other.aheadMs < Infinity && (first?.takesMs ?? Infinity) < Infinity;
    const since = now - (areBrief ? patienceMs.amongBrief : patienceMs.usual);
    if (first !== undefined && first.since < since) late.offer(other.line, 0);
  }
  return late.take();
}

/** Of the places in lines that it is offered (-1 is none), who began to wait first. */
function createOldest<C>() {
  let best = Infinity;
  let found: Waiter<C>[] | undefined;
  let place = 0;
  return {
    offer(line: Waiter<C>[], at: number): void {
      const waiter = line[at];
      if (waiter === undefined || waiter.since >= best) return;
      best = waiter.since;
      found = line;
      place = at;
    },
    take: (): Waiter<C> | undefined => found?.splice(place, 1)[0],
  };
}
