import type { ControlContext } from "../context.ts";

/**
 * A named place between two effects, where the chaos tool ends this process as a power cut would (CRASH_AT). Without
 * that setting it costs a comparison. Points are `<desired state>.<resource>.<before|after|…>`, see `crashPoints`.
 */
export function crashPoint(ctx: ControlContext, name: string): void {
  if (ctx.config.CRASH_AT !== name) return;
  process.kill(process.pid, "SIGKILL");
  // Not one statement more: the signal may take a moment.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}
