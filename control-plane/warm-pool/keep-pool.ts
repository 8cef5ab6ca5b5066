/** Keeps WARM_TENANTS spares ready: refills what was taken, looks after what is there, removes what is too many. */
import { referenceFingerprint } from "../../core/migrations/reference.ts";
import { tenantVersion } from "../../core/migrations/version.ts";
import type { ControlContext } from "../context.ts";
import { makeSpare } from "./make-spare.ts";
import { listSpares } from "./spare-store.ts";
import { tendSpares } from "./tend-spares.ts";

/** Other control planes take spares too, and do not wake this one. */
const lookAgainMs = 30_000;

/** Companies that are made one after another for so long do not keep the pool empty. */
const yieldAtMostMs = 2_000;

const longestPauseMs = 60_000;

/** Starts at once. Answers how to stop, which waits for the schema that is being made. */
export function keepPool(ctx: ControlContext): () => Promise<void> {
  let stopped = false;
  const running = keep(ctx, () => stopped);
  return async () => {
    stopped = true;
    ctx.warmPool.wake();
    await running;
  };
}

async function keep(ctx: ControlContext, isStopped: () => boolean): Promise<void> {
  let failures = 0;
  while (!isStopped()) {
    try {
      await ctx.warmPool.quiet(yieldAtMostMs);
      await tendSpares(ctx, isStopped);
      if (ctx.config.WARM_TENANTS > 0) await fillPool(ctx, isStopped);
      else if ((await listSpares(ctx.db)).length === 0) return;
      failures = 0;
    } catch (error) {
      failures += 1;
      if (failures === 1) ctx.log.warn({ err: error }, "the warm pool is not kept; trying again until it is");
    }
    // A wait inside the round may have taken the stop's wake for a claim's.
    if (isStopped()) return;
    const pause = failures === 0 ? lookAgainMs : Math.min(500 * 2 ** failures, longestPauseMs);
    await ctx.warmPool.wait(pause);
  }
}

/** One schema at a time, and none while a company is being made. */
async function fillPool(ctx: ControlContext, isStopped: () => boolean): Promise<void> {
  const version = await tenantVersion();
  if (ctx.warmPool.claimable === undefined) {
    const { facts } = await referenceFingerprint(ctx.ddl);
    const relations = facts.filter(({ kind }) => kind === "table" || kind === "sequence").length;
    ctx.warmPool.claimable = { version, relations };
  }
  for (;;) {
    await ctx.warmPool.quiet(yieldAtMostMs);
    if (isStopped()) return;
    const result = await makeSpare(ctx, { version, atMost: ctx.config.WARM_TENANTS });
    if (result === "enough") return;
    // Another control plane fills it.
    if (result === "busy") await ctx.warmPool.wait(lookAgainMs / 30);
  }
}
