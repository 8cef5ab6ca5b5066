/** Which of the connections that may be had now a tenant gets. */
import { canShare, isCrowded, type Poolable, type Seat, type WearLimits } from "./seat.ts";

export interface Seats<C> {
  readonly all: ReadonlyMap<C, Seat<C>>;
  readonly idle: Set<Seat<C>>;
  /** Where each tenant is known and goes first. */
  readonly homes: Map<number, Seat<C>>;
}

export interface SeatChoice<C> {
  /** Undefined when the tenant has to wait. @param mayShare one that others are on will do. */
  choose(tenant: number, mayShare: boolean): Seat<C> | undefined;
  /** Brief statements are on their way there, and one more can be sent behind them. */
  isShareable(seat: Seat<C>): boolean;
  /** It was lent: what else is written in this turn may go with it. */
  lent(seat: Seat<C>): void;
}

/** So many new tenants make a look at the connection worth its while. */
export const many = 100;
/** How long a statement may have to wait behind others only to save a system call. */
const savingMs = 4;

export function createSeatChoice<C extends Poolable>(seats: Seats<C>, limits: WearLimits): SeatChoice<C> {
  const { all, idle, homes } = seats;
  let latest: Seat<C> | undefined;
  const isIdle = (seat: Seat<C>) => idle.has(seat);
  const isShareable = (seat: Seat<C>) => canShare(seat, limits) && seat.knows.size - seat.measuredAt < many;
  /**
   * The connection that is being written on: one statement more there costs no system call. Of few tenants each connection
   * may know all; of many nobody is sent where he is new only for that.
   */
  const joinable = (tenant: number): Seat<C> | undefined => {
    if (latest === undefined || latest.aheadMs > savingMs || !latest.connection.isGathering) return undefined;
    if (!isShareable(latest)) return undefined;
    const isKnown = !latest.connection.isDirect || homes.size <= many || latest.knows.has(tenant);
    return isKnown ? latest : undefined;
  };
  /**
   * Brief newcomers are at home on as few connections as keep up with them: the first that is free or nearly so. Fewer
   * server processes learn their tables, and what is sent goes out in fewer system calls.
   */
  const packed = (): Seat<C> | undefined => {
    for (const seat of all.values())
      if (!isCrowded(seat) && (isIdle(seat) || (seat.aheadMs <= savingMs && isShareable(seat)))) return seat;
    return undefined;
  };
  return {
    isShareable,
    lent: (seat) => void (latest = seat),
    choose(tenant, mayShare) {
      const joined = mayShare ? joinable(tenant) : undefined;
      if (joined !== undefined) return joined;
      const home = homes.get(tenant);
      if (mayShare && home === undefined) {
        const seat = packed();
        if (seat !== undefined) return seat;
      }
      const free = chooseAmong(idle, isIdle, { tenant, home });
      return free ?? (mayShare ? chooseAmong(all.values(), isShareable, { tenant, home }) : undefined);
    },
  };
}

interface Wish<C> {
  readonly tenant: number;
  readonly home: Seat<C> | undefined;
}

/** The home, one that knows the tenant, or for a newcomer the one that knows fewest: who has a home is new nowhere else. */
function chooseAmong<C>(
  seats: Iterable<Seat<C>>,
  isFit: (seat: Seat<C>) => boolean,
  { tenant, home }: Wish<C>,
): Seat<C> | undefined {
  if (home !== undefined && isFit(home)) return home;
  let fewest: Seat<C> | undefined;
  for (const seat of seats) {
    if (!isFit(seat)) continue;
    if (seat.knows.has(tenant)) return seat;
    if (seat.knows.size < (fewest?.knows.size ?? Infinity)) fewest = seat;
  }
  return home === undefined ? fewest : undefined;
}
