/** A control plane as the chaos tool handles it: armed, held, killed, started again on its port. */
import { isAlive, isStopped, signal } from "../embedded/processes.ts";
import type { Program } from "../embedded/program.ts";
import { waitUntil } from "./client.ts";

/** SIGKILL: dies at the point. SIGSTOP: is held there until it is released. */
export type Strike = "SIGKILL" | "SIGSTOP";

export interface Plane {
  readonly url: string;
  /** Runs, and nothing will strike it any more. */
  isSound(): boolean;
  /** Starts it without a point, unless it is sound. */
  ensureSound(): Promise<void>;
  /** Starts it anew, to be struck the first time it comes by the point. */
  arm(point: string, strike: Strike): Promise<void>;
  /** True when it was struck within the time. */
  isStruck(seconds: number): Promise<boolean>;
  /** Lets a held one go on. */
  release(): void;
  kill(): Promise<void>;
}

export function openPlane(
  url: string,
  running: Program | undefined,
  start: (env: Readonly<Record<string, string>>) => Promise<Program>,
): Plane {
  let program = running;
  let armed: Strike | undefined;
  const kill = async () => {
    const last = program;
    program = undefined;
    await last?.kill("SIGKILL");
  };
  const restart = async (env: Readonly<Record<string, string>>) => {
    await kill();
    program = await start(env);
  };
  return {
    url,
    isSound: () => program !== undefined && armed === undefined,
    async ensureSound() {
      if (program !== undefined && armed === undefined) return;
      armed = undefined;
      await restart({});
    },
    async arm(point, strike) {
      armed = strike;
      await restart({ CRASH_AT: point, CRASH_WITH: strike });
    },
    isStruck(seconds) {
      const pid = program?.pid ?? 0;
      return waitUntil(async () => (armed === "SIGSTOP" ? isStopped(pid) : !(await isAlive(pid))), seconds);
    },
    release() {
      if (program === undefined) return;
      signal(program.pid, "SIGCONT");
      // A point strikes once.
      armed = undefined;
    },
    kill,
  };
}
