import { readFileSync, rmSync } from "node:fs";
import type { ControlContext } from "../context.ts";

/**
 * A named place between two effects, where the chaos tool ends this process as a power cut would (SIGKILL), or holds it
 * while something else is killed (SIGSTOP). It strikes once, where CRASH_FILE says so: `active.cache.before SIGKILL`.
 * Without that setting it costs a comparison. Points are `<desired state>.<resource>.<before|after|…>` and
 * `<operation>.row.after`; scripts/chaos/points.ts lists them.
 */
export function crashPoint(ctx: ControlContext, name: string): void {
  const file = ctx.config.CRASH_FILE;
  if (file === undefined) return;
  const [point, signal] = readOrder(file).split(" ");
  if (point !== name) return;
  rmSync(file);
  process.kill(process.pid, signal === "SIGSTOP" ? "SIGSTOP" : "SIGKILL");
  // Not one statement more: the signal may take a moment. Time goes on while the process is held.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, signal === "SIGSTOP" ? 100 : Infinity);
}

function readOrder(file: string): string {
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    return "";
  }
}
