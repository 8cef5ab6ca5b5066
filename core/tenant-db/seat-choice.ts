/** Which connection a tenant gets: its home, one that knows it, or for a newcomer the one that knows fewest. */
import type { Seat } from "./seat.ts";

/** @param home where the tenant is known and goes first. Somebody who has one gets no connection that he is new to. */
export function chooseSeat<C>(
  tenant: number,
  home: Seat<C> | undefined,
  { among, isFit }: { readonly among: Iterable<Seat<C>>; readonly isFit: (seat: Seat<C>) => boolean },
): Seat<C> | undefined {
  if (home !== undefined && isFit(home)) return home;
  let fewest: Seat<C> | undefined;
  for (const seat of among) {
    if (!isFit(seat)) continue;
    if (seat.knows.has(tenant)) return seat;
    if (seat.knows.size < (fewest?.knows.size ?? Infinity)) fewest = seat;
  }
  return home === undefined ? fewest : undefined;
}
