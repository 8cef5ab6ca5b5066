/** The two late moments of a deletion: when the grace period is over, and when nothing is left. */
import { signStatement } from "../../../core/statements.ts";
import { loadSigningKeys } from "../../../core/signing-keys.ts";
import { isServiceDown, ResourceError } from "../../../core/errors.ts";
import { sha256Hex } from "../../../core/secrets.ts";
import { writeAudit } from "../../audit.ts";
import type { ControlContext } from "../../context.ts";
import { aimAt } from "../aim.ts";
import { crashPoint } from "../crash-point.ts";
import { accountForDeletion, deletionStatement, findRemains } from "./deletion-manifest.ts";
import { auditEnd, endOperationIn, withFence } from "./end-operation.ts";
import { recordChanges, startOperation } from "../operation-store.ts";
import type { LeasedTenant, ResourceName } from "../resource.ts";
import { classifyFailure } from "../retry.ts";

/** Aims at most `limit` closed companies whose time is over at `deleted`; the loop does the rest. Answers how many. */
export async function startDuePurges(ctx: ControlContext, limit: number): Promise<number> {
  if (limit <= 0) return 0;
  const due: number[] = await ctx
    .db("companies")
    .where({ desired_state: "closed" })
    .where("purge_after", "<=", ctx.db.fn.now())
    .orderBy("purge_after")
    .limit(limit)
    .pluck("id");
  for (const id of due) await startPurge(ctx, id).catch((error: unknown) => giveWay(ctx, id, error));
  return due.length;
}

/** One that cannot begin keeps no other waiting, nor the sweep. @throws what a lost server threw. */
function giveWay(ctx: ControlContext, companyId: number, error: unknown): void {
  if (isServiceDown(error)) throw error;
  ctx.log.warn({ err: error, companyId }, "a purge could not begin; the sweep comes again");
}

async function startPurge(ctx: ControlContext, companyId: number): Promise<void> {
  const started = await ctx.db.transaction(async (db) => {
    // Another control plane has it, or somebody took the deletion back: then the row is not ours, or not due any more.
    const company = await db("companies")
      .where({ id: companyId, desired_state: "closed" })
      .where("purge_after", "<=", db.fn.now())
      .forUpdate()
      .skipLocked()
      .first("slug");
    if (company === undefined) return false;
    const correlationId = `purge-${companyId}`;
    await aimAt(db, companyId, { desired: "deleted" });
    const operationId = await startOperation(db, { companyId, kind: "purge", requestedBy: "system", correlationId });
    const data = { slug: company.slug, operationId };
    await writeAudit(db, { actor: "system", action: "tenant.purge-started", companyId, correlationId, data });
    return true;
  });
  if (started) crashPoint(ctx, "purge.row.after");
}

/**
 * Signs the account of what was removed, forgets who the owner was, and ends the operation: all of it or nothing. Slug and
 * hosts stay taken: a record somewhere may still point at them.
 */
export async function endDeletion(ctx: ControlContext, tenant: LeasedTenant): Promise<void> {
  const remains = await findRemains(ctx, tenant);
  if (remains.length > 0) return removeAgain(ctx, tenant, remains);
  const manifest = await accountForDeletion(ctx, tenant, new Date());
  const [key] = await loadSigningKeys(ctx.db, ctx.secrets, "platform");
  if (key === undefined) throw new Error("the platform has no signing key");
  const jws = signStatement(key, deletionStatement, manifest);
  await withFence(ctx, tenant, async (db) => {
    const ended = await endOperationIn(db, tenant.id, "succeeded");
    const row = { company_id: tenant.id, manifest: JSON.stringify(manifest), jws };
    const written = await db("deletion_manifests").insert(row).onConflict().ignore().returning("company_id");
    if (written.length === 0) return auditEnd(db, tenant.id, { outcome: "succeeded", ended });
    for (const table of ["idempotency_keys", "outbox", "tenant_inspections"])
      await db(table).where({ company_id: tenant.id }).delete();
    await db("companies")
      .where({ id: tenant.id })
      .update({ owner_name: "removed", owner_email: "removed@invalid", settings: "{}", metadata: "{}" });
    await db("subscriptions").where({ company_id: tenant.id }).update({ status: "canceled", canceled_at: db.fn.now() });
    await auditEnd(db, tenant.id, { outcome: "succeeded", ended });
    const data = { slug: tenant.slug, manifestSha256: sha256Hex(jws) };
    await writeAudit(db, { actor: "system", action: "tenant.deleted", companyId: tenant.id, data });
  });
}

/** What came back, or could not be looked at, is not gone: its removal is due again. */
async function removeAgain(ctx: ControlContext, tenant: LeasedTenant, names: readonly ResourceName[]): Promise<void> {
  const changes = names.map((resource) => {
    const error = new ResourceError("transient", `${resource}-not-gone`, "it was there, or unknown, at the last look");
    return { resource, status: "failed", failure: classifyFailure(error, 3) } as const;
  });
  await recordChanges(ctx, tenant, { changes, servable: false });
}
