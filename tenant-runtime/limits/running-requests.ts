/** The requests that this process works on right now: how many of each company, and each for how long. */
import type { NextFunction, Request } from "express";
import { LRUCache } from "lru-cache";
import { createDeadlines, type Deadline, type Deadlines } from "./deadlines.ts";

export interface Admission {
  /**
   * The answer goes on for as long as its client listens: from now on it is no running request, and may take any time.
   * For event streams, when nothing can refuse them any more. Safe to repeat.
   */
  letStream(): void;
}

declare global {
  namespace Express {
    interface Request {
      admission: Admission;
    }
  }
}

export interface RunningRequests {
  /** Counts one more of the request's company; undefined, and nothing is counted, when it has as many as it may. */
  enter(req: Request, next: NextFunction, most: number): RunningRequest | undefined;
}

/** How many of one company run. */
interface Place {
  count: number;
}

/** A request that was let through, until it leaves. A class, for closures of its own would be made for each request. */
export class RunningRequest implements Admission, Deadline<RunningRequest> {
  readonly req: Request;
  readonly next: NextFunction;
  dueAt = 0;
  before: RunningRequest | undefined = undefined;
  after: RunningRequest | undefined = undefined;
  isInRow = false;
  #place: Place | undefined;
  readonly #deadlines: Deadlines<RunningRequest>;

  constructor(req: Request, next: NextFunction, { place, deadlines }: Entrance) {
    this.req = req;
    this.next = next;
    this.#place = place;
    this.#deadlines = deadlines;
    place.count += 1;
    deadlines.add(this);
  }

  letStream(): void {
    this.leave();
  }

  /** Gives its place back. Safe to repeat. */
  leave(): void {
    if (this.#place === undefined) return;
    this.#place.count -= 1;
    this.#place = undefined;
    this.#deadlines.remove(this);
  }
}

interface Entrance {
  readonly place: Place;
  readonly deadlines: Deadlines<RunningRequest>;
}

export interface RunningRequestsOptions {
  readonly timeoutMs: number;
  /** Told once of each that still runs after that time. It keeps its place until it leaves. */
  readonly onLate: (late: RunningRequest) => void;
  readonly max?: number;
}

/** Places are kept when they are empty, for making and dropping one costs more than all the rest; at most `max`. */
export function createRunningRequests({ timeoutMs, onLate, max = 10_000 }: RunningRequestsOptions): RunningRequests {
  const places = new LRUCache<number, Place>({ max });
  const deadlines = createDeadlines(timeoutMs, onLate);
  return {
    enter(req, next, most) {
      const { id } = req.tenant;
      let place = places.get(id);
      if (place === undefined) places.set(id, (place = { count: 0 }));
      return place.count < most ? new RunningRequest(req, next, { place, deadlines }) : undefined;
    },
  };
}
