import type { ControlContext } from "../context.ts";

let struck = false;

/**
 * A named place between two effects, where the chaos tool ends this process as a power cut would (CRASH_AT), or holds it
 * while it kills a server (CRASH_WITH); the first time only. Without that setting it costs a comparison. Points are
 * `<desired state>.<resource>.<before|after|…>` and `<operation>.row.after`; scripts/chaos/points.ts lists them.
 */
export function crashPoint(ctx: ControlContext, name: string): void {
  const { CRASH_AT: at, CRASH_WITH: how } = ctx.config;
  if (at !== name || struck) return;
  struck = true;
  process.kill(process.pid, how);
  // Not one statement more: the signal may take a moment. Time goes on while the process is held.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, how === "SIGSTOP" ? 100 : Infinity);
}
