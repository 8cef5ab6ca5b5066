/** Spares that are not as they should be: made fit where that is possible, else thrown away. */
import { isServiceDown, reasonOf, ResourceError } from "../../core/errors.ts";
import { isNewerVersion, tenantVersion } from "../../core/migrations/version.ts";
import type { ControlContext } from "../context.ts";
import { bringToHead } from "../fleet/bring-to-head.ts";
import { checkSpare } from "./check-spare.ts";
import { removeSpare } from "./remove-spare.ts";
import { discarded, listSpares, markDiscarded, markFit, type SpareRow } from "./spare-store.ts";

/** A spare is looked at so often, in seconds. */
const checkEvery = 300;

/** A newer release that looks at its spares no more, in seconds, was taken back. */
const abandonedAfter = 3 * checkEvery;

/** Looks at every spare that is due, and removes those beyond what is wanted. @throws what a lost server throws. */
export async function tendSpares(ctx: ControlContext, isStopped: () => boolean = () => false): Promise<void> {
  const version = await tenantVersion();
  for (const spare of await listSpares(ctx.db)) {
    if (isStopped()) return;
    await tendSpare(ctx, spare, version);
  }
  const kept = (await listSpares(ctx.db)).filter((spare) => spare.version !== discarded);
  // The newest: the oldest is the next one to be taken.
  for (const spare of kept.slice(ctx.config.WARM_TENANTS)) {
    if (isStopped()) return;
    await discard(ctx, spare);
  }
}

async function tendSpare(ctx: ControlContext, spare: SpareRow, version: string): Promise<void> {
  // Before anything is taken all of them are looked at: the registry may have come from a backup since.
  const isDue = spare.unchecked_for > checkEvery || ctx.warmPool.claimable === undefined;
  // Whoever was removing it is gone, or could not.
  if (spare.version === discarded)
    return spare.unchecked_for > checkEvery ? void (await discard(ctx, spare)) : undefined;
  if (isNewerVersion(spare.version, version)) {
    if (spare.unchecked_for > abandonedAfter) await throwAway(ctx, spare, ["a newer release made it and is gone"]);
    return;
  }
  if (spare.version === version && !isDue) return;
  const why = await makeFit(ctx, spare, version);
  if (why === undefined) return;
  if (why.length > 0) await throwAway(ctx, spare, why);
  else await markFit(ctx.db, spare.id, version);
}

/** Answers what is wrong with it even so; undefined while a fleet run is at it, which will say. */
async function makeFit(ctx: ControlContext, spare: SpareRow, version: string): Promise<string[] | undefined> {
  try {
    if (spare.version !== version) await bringToHead(ctx, spare);
    return await checkSpare(ctx, spare);
  } catch (error) {
    if (isServiceDown(error)) throw error;
    if (error instanceof ResourceError && error.retry === "transient") return undefined;
    return [reasonOf(error)];
  }
}

async function throwAway(ctx: ControlContext, spare: SpareRow, why: readonly string[]): Promise<void> {
  const details = { spare: spare.id, why: why.slice(0, 5), differences: why.length };
  if (await discard(ctx, spare)) ctx.log.warn(details, "a spare schema was thrown away");
}

/** False when a provisioning took it. What cannot be removed now is tried again later, and keeps no other waiting. */
async function discard(ctx: ControlContext, spare: SpareRow): Promise<boolean> {
  if (!(await markDiscarded(ctx.db, spare.id))) return false;
  try {
    await removeSpare(ctx, spare);
  } catch (error) {
    if (isServiceDown(error)) throw error;
    ctx.log.warn({ spare: spare.id, err: error }, "a discarded schema could not be removed; it is tried again later");
  }
  return true;
}
