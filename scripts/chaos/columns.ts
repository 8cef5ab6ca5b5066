/** What is killed, held or lost at a point, and who carries on: a column of the matrix. */
import { setTimeout as sleep } from "node:timers/promises";
import type { EmbeddedServer } from "../embedded/embedded-server.ts";
import type { Plane } from "./plane.ts";
import type { ChaosPoint } from "./points.ts";
import type { Site } from "./site.ts";

export type Victim = "control-plane" | "postgres" | "redis";
export const victims: readonly Victim[] = ["control-plane", "postgres", "redis"];

export interface Column {
  readonly name: string;
  /** Two lines over the column. */
  readonly title: readonly [string, string];
  readonly victim: Victim;
  readonly controlPlanes: 1 | 2;
  /** Whom everything is asked of before and afterwards. */
  survivor(site: Site): Plane;
  /** Makes ready what is struck the first time the point is come by. The request goes to the first control plane. */
  arm(site: Site, crash: ChaosPoint): Promise<void>;
  /**
   * Waits for the strike, does what belongs to it, and brings back what nobody else would. `repeat` sends a request again
   * that was lost before anything was written.
   */
  strike(site: Site, crash: ChaosPoint, repeat: () => void): Promise<Struck>;
}

/** `missed`: nobody came by the point. `aftermath`: what follows when all has converged; then it must still have. */
export type Struck = "missed" | { readonly aftermath?: () => Promise<void> };

const patienceSeconds = 10;

const killed: Column = {
  name: "killed",
  title: ["control plane", "killed"],
  victim: "control-plane",
  controlPlanes: 1,
  survivor: ({ planes }) => planes[0],
  async arm({ planes }, { point }) {
    await planes[1].kill();
    await planes[0].arm(point, "SIGKILL");
  },
  async strike({ planes }) {
    if (!(await planes[0].isStruck(patienceSeconds))) return "missed";
    await planes[0].ensureSound();
    return {};
  },
};

const oneOfTwo: Column = {
  name: "one of two",
  title: ["one of two", "killed"],
  victim: "control-plane",
  controlPlanes: 2,
  survivor: ({ planes }) => planes[1],
  arm: ({ planes }, { point }) => planes[0].arm(point, "SIGKILL"),
  strike: async ({ planes }) => ((await planes[0].isStruck(patienceSeconds)) ? {} : "missed"),
};

const bothOfTwo: Column = {
  name: "both of two",
  title: ["both of two", "killed"],
  victim: "control-plane",
  controlPlanes: 2,
  survivor: ({ planes }) => planes[1],
  async arm({ planes }, { point, next }) {
    await planes[0].arm(point, "SIGKILL");
    await planes[1].arm(next, "SIGKILL");
  },
  async strike({ planes }, { point }, repeat) {
    if (!(await planes[0].isStruck(patienceSeconds))) return "missed";
    if (isBeforeAnything(point)) repeat();
    if (!(await planes[1].isStruck(patienceSeconds))) return "missed";
    await planes[1].ensureSound();
    return {};
  },
};

/** Held past its lease, as by a long pause of its machine; it wakes up when the other one has finished its work. */
const stalled: Column = {
  name: "stalled",
  title: ["one of two", "stalled"],
  victim: "control-plane",
  controlPlanes: 2,
  survivor: ({ planes }) => planes[1],
  arm: ({ planes }, { point }) => planes[0].arm(point, "SIGSTOP"),
  async strike({ planes }) {
    if (!(await planes[0].isStruck(patienceSeconds))) return "missed";
    const aftermath = async () => {
      planes[0].release();
      await sleep(700);
    };
    return { aftermath };
  },
};

/** How long a killed server stays away: the control plane has to notice. */
const outageMs = 300;

const serverKilled = (victim: "postgres" | "redis", title: string): Column => ({
  name: victim,
  title: [title, "killed"],
  victim,
  controlPlanes: 1,
  survivor: ({ planes }) => planes[0],
  async arm({ planes }, { point }) {
    await planes[1].kill();
    await planes[0].arm(point, "SIGSTOP");
  },
  async strike({ planes, stack }) {
    if (!(await planes[0].isStruck(patienceSeconds))) return "missed";
    const server: EmbeddedServer | undefined = stack.servers[victim];
    await server?.kill();
    planes[0].release();
    await sleep(outageMs);
    await server?.start();
    return {};
  },
});

export const columns: readonly Column[] = [
  killed,
  oneOfTwo,
  bothOfTwo,
  stalled,
  serverKilled("postgres", "PostgreSQL"),
  serverKilled("redis", "Redis"),
];

/** Nothing is written yet: a crash here loses the request, and nothing else. */
export const isBeforeAnything = (point: string): boolean => point.endsWith(".row.before");
