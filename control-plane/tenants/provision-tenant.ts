/** From a request to a company that answers on its hosts. */
import { setTimeout as sleep } from "node:timers/promises";
import { AppError } from "../../core/errors.ts";
import { tenantAudience, schemaName } from "../../core/tenant.ts";
import type { ControlContext } from "../context.ts";
import { converge, convergeLeased } from "../lifecycle/converge.ts";
import { latestOperation, type StepRow } from "../lifecycle/operation-store.ts";
import { callsForRollback } from "../lifecycle/endings/rollback.ts";
import { isServable, isSettled } from "../lifecycle/status.ts";
import type { Progress } from "../lifecycle/walk.ts";
import { findCompany, type CompanyRow } from "../lifecycle/tenant-store.ts";
import { createCompany, type NewCompany } from "./create-company.ts";
import { findKnownRequest, storeAnswer, type KnownAnswer, type StoredAnswer } from "./idempotency.ts";
import { ownerSetupUrl } from "./owner-setup-link.ts";
import { operationView, presentTenants } from "./present-tenant.ts";
import type { ProvisionedView } from "./tenant-schemas.ts";

export interface ProvisionOptions {
  /** How long to wait for the company to be servable; 0 answers at once. */
  readonly waitSeconds: number;
}

const initialTokenSeconds = 3600;

/**
 * Creates the company, then converges it in this process until it can be served, cannot be for now, or the wait is
 * over; what is left goes on in the background. Once the first transaction is committed the company is never lost:
 * whatever happens here, the sweep of any control plane finishes it.
 */
export async function provisionTenant(
  ctx: ControlContext,
  company: NewCompany,
  { waitSeconds }: ProvisionOptions,
): Promise<StoredAnswer & { replayed: boolean }> {
  const known = company.idempotency && (await findKnownRequest(ctx, company.idempotency));
  if (known && "answer" in known) return replay(ctx, known, company);
  const companyId = await ctx.warmPool.provisioning(async () => {
    const { companyId: id, work } = known ? carryOn(ctx, known.companyId) : await create(ctx, company);
    await waitUntilSettled(ctx, { waitSeconds, onFailure: company.request.onFailure }, work);
    return id;
  });
  const answer = await answerFor(ctx, companyId);
  if (company.idempotency) await storeAnswer(ctx, company.idempotency, answer);
  return { ...answer, replayed: false };
}

/** The first answer again; where that said that the company is being made, and it is there by now, that it is. */
async function replay(
  ctx: ControlContext,
  { answer, companyId }: KnownAnswer,
  { idempotency }: NewCompany,
): Promise<StoredAnswer & { replayed: boolean }> {
  const now = answer.status === 202 && companyId !== null ? await answerFor(ctx, companyId) : answer;
  if (now.status === answer.status) return { ...answer, replayed: true };
  if (idempotency) await storeAnswer(ctx, idempotency, now);
  return { ...now, replayed: false };
}

type Work = (progress: Progress) => Promise<void>;

async function create(ctx: ControlContext, company: NewCompany): Promise<{ companyId: number; work: Work }> {
  const { companyId, fence } = await createCompany(ctx, company);
  return { companyId, work: (progress) => convergeLeased(ctx, companyId, { fence, progress }) };
}

/** The process that took the first request is gone: begin where it was. */
const carryOn = (ctx: ControlContext, companyId: number): { companyId: number; work: Work } => ({
  companyId,
  work: (progress) => converge(ctx, companyId, progress),
});

/**
 * Waits until the company can be served, cannot be for now, or the time is over; the work itself goes on. A company that
 * is about to be rolled back is waited for until that has ended.
 */
async function waitUntilSettled(
  ctx: ControlContext,
  { waitSeconds, onFailure }: { waitSeconds: number; onFailure: "rollback" | "hold" },
  work: Work,
): Promise<void> {
  const abort = new AbortController();
  const isOver: (...rows: Parameters<Progress>) => boolean = (rows) => {
    const all = [...rows.values()];
    const tenant = { desiredState: "active", wasActive: isServable(all), onFailure } as const;
    return isSettled(all) && !callsForRollback(tenant, all);
  };
  const settled = new Promise<void>((resolve) => {
    const running = work((rows) => isOver(rows) && resolve())
      .catch((error: unknown) => ctx.log.error({ err: error }, "convergence stopped; the sweep comes again"))
      .finally(resolve);
    ctx.background.add(running);
    void running.finally(() => ctx.background.delete(running));
  });
  const patience = sleep(waitSeconds * 1000, undefined, { signal: abort.signal }).catch(() => undefined);
  await Promise.race([settled, patience]);
  abort.abort();
}

/** 201 when the company can be served, else 202; with a first token for its owner as soon as there is one to sign for. */
async function answerFor(ctx: ControlContext, companyId: number): Promise<StoredAnswer> {
  const [company, operation] = await Promise.all([findCompany(ctx.db, companyId), latestOperation(ctx.db, companyId)]);
  if (company === undefined) throw await rolledBack(ctx, companyId);
  if (operation === undefined) throw new Error(`company ${companyId} has no operation`);
  const [tenant] = await presentTenants(ctx, [company]);
  if (tenant === undefined) throw new Error(`company ${companyId} could not be shown`);
  const hasOwner = tenant.resources.some(({ name, status }) => name === "owner" && status === "ready");
  const body: ProvisionedView = {
    tenant,
    operation: operationView(operation, tenant.resources),
    initialToken: hasOwner ? await issueInitialToken(ctx, company) : null,
    setupUrl: hasOwner ? ownerSetupUrl(ctx, company) : null,
    worker: { command: `npm run spawn-worker -- --company-id ${companyId}` },
  };
  const servable = isServable(tenant.resources);
  return {
    status: servable ? 201 : 202,
    location: servable ? `/api/tenants/${companyId}` : body.operation.links.self,
    body,
  };
}

/** What the client of a company that is gone again is told: what failed, and where the whole story is. */
async function rolledBack(ctx: ControlContext, companyId: number): Promise<AppError> {
  const operation = await ctx.db("operations").where({ company_id: companyId, kind: "provision" }).first("id", "steps");
  const steps: readonly StepRow[] = operation?.steps ?? [];
  const failed = steps.filter(({ status }) => status === "failed");
  const why = failed.map(({ name, last_error: error }) => `${name}: ${error?.message ?? "failed"}`).join("; ");
  const instance = `/api/operations/${operation?.id}`;
  return new AppError(
    "provisioning-failed",
    `${why}. Nothing of the company is left, and its slug is free again: mend the cause and send the request anew. ` +
      `GET ${instance} tells what happened.`,
    { instance },
  );
}

/** A short session of the owner, on the company's own hosts only. */
async function issueInitialToken(ctx: ControlContext, company: CompanyRow): Promise<ProvisionedView["initialToken"]> {
  const { rows } = await ctx.db.raw<{ rows: { id: string; user_id: string }[] }>(
    `INSERT INTO ??.user_sessions (user_id, kind, expires_at)
     SELECT id, 'initial', now() + make_interval(secs => ?) FROM ??.users WHERE role = 'owner' ORDER BY created_at LIMIT 1
     RETURNING id, user_id`,
    [schemaName(company.id), initialTokenSeconds, schemaName(company.id)],
  );
  const session = rows[0];
  if (session === undefined) return null;
  const claims = {
    sub: session.user_id,
    sid: session.id,
    tenant_id: company.id,
    plan: company.plan_code,
    role: "owner",
    type: "access",
  };
  // The session's id is the token's too: whoever ends the session can have the token refused by name.
  const audience = tenantAudience(company.uuid);
  const { token, expiresAt } = ctx.tenantTokens.sign(claims, audience, initialTokenSeconds, session.id);
  return { token, expiresAt: expiresAt.toISOString() };
}
