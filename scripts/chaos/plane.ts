/** A control plane as the chaos tool handles it: armed, held, killed, started again on its port. */
import { rm } from "node:fs/promises";
import { isAlive, isStopped, signal } from "../embedded/processes.ts";
import { writePrivateFile } from "../embedded/private-file.ts";
import type { Program } from "../embedded/program.ts";
import { waitUntil } from "./client.ts";

/** SIGKILL: dies at the point. SIGSTOP: is held there until it is released. */
export type Strike = "SIGKILL" | "SIGSTOP";

export interface Plane {
  readonly url: string;
  /** Takes away what may strike it, and starts it when it was killed. @throws Error when it ended by itself. */
  ensureSound(): Promise<void>;
  /** The first time it comes by the point it is struck. It is started when it was killed. */
  arm(point: string, strike: Strike): Promise<void>;
  /** True when it was struck within the time. */
  isStruck(seconds: number): Promise<boolean>;
  /** Lets a held one go on. */
  release(): void;
  kill(): Promise<void>;
}

/** @param crashFile its CRASH_FILE. */
export function openPlane(
  at: { readonly url: string; readonly crashFile: string },
  running: Program | undefined,
  start: () => Promise<Program>,
): Plane {
  let program = running;
  let armed: Strike | undefined;
  const hasStopped = async () => program !== undefined && (await isStopped(program.pid));
  const ensureSound = async () => {
    await rm(at.crashFile, { force: true });
    if (program !== undefined && !(await isAlive(program.pid))) {
      if (armed !== "SIGKILL") throw new Error("a control plane ended though nobody had killed it");
      program = undefined;
    }
    armed = undefined;
    program ??= await start();
  };
  return {
    url: at.url,
    ensureSound,
    async arm(point, strike) {
      await ensureSound();
      armed = strike;
      await writePrivateFile(at.crashFile, `${point} ${strike}`);
    },
    isStruck(seconds) {
      const { pid } = program as Program;
      return waitUntil(async () => (armed === "SIGSTOP" ? hasStopped() : !(await isAlive(pid))), seconds);
    },
    release() {
      if (program !== undefined) signal(program.pid, "SIGCONT");
    },
    async kill() {
      const last = program;
      program = undefined;
      await last?.kill("SIGKILL");
    },
  };
}
