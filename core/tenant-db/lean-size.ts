/**
 * How many connections are enough. While the process itself is busy all the time, more of them serve nobody sooner, and
 * each costs: tenants that its server process learns, a system call for what is written on it, a process to be woken.
 */

export interface LeanSize {
  /** A connection was lent to somebody who has it alone. */
  lentAlone(): void;
  returned(): void;
  /** The process, not the server, is what everybody waits for. */
  readonly isBusy: boolean;
  /** So many are enough; Infinity as long as the process is not busy. To be asked once a second. */
  enough(): number;
  /** Somebody waited until another one was opened: so many were not enough. */
  grown(): void;
}

/** So few that one long statement does not hold everybody up. */
const fewest = 4;
const busy = 0.9;
/** What was needed once is believed to be needed again for ten seconds a connection. */
const forgottenEachSecond = 0.1;
/** After one was opened for who waited, none is closed for so many seconds. */
const pauseSeconds = 60;

/** @param load part of the time in which the process was at work, since it was asked last. */
export function createLeanSize(load: () => number = eventLoopLoad()): LeanSize {
  let alone = 0;
  let needed = 0;
  let pause = 0;
  let latest = 0;
  return {
    lentAlone() {
      alone += 1;
      if (alone > needed) needed = alone;
    },
    returned() {
      alone -= 1;
    },
    get isBusy() {
      return latest >= busy;
    },
    enough() {
      latest = load();
      needed = Math.max(alone, needed - forgottenEachSecond);
      pause = Math.max(0, pause - 1);
      return latest >= busy && pause === 0 ? Math.max(fewest, Math.ceil(needed) + 1) : Infinity;
    },
    grown() {
      pause = pauseSeconds;
    },
  };
}

function eventLoopLoad(): () => number {
  let before = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, before);
    before = now;
    return utilization;
  };
}
