/** A new company from an archive. It is suspended until all of its data is in and was read back. */
import { setTimeout as sleep } from "node:timers/promises";
import { AppError } from "../../../core/errors.ts";
import { servingResources } from "../../../core/tenant.ts";
import { parseBody } from "../../../core/validation.ts";
import { writeAudit } from "../../audit.ts";
import type { ControlContext } from "../../context.ts";
import { aimAt } from "../../lifecycle/aim.ts";
import { converge, convergeLeased } from "../../lifecycle/converge.ts";
import { crashPoint } from "../../lifecycle/crash-point.ts";
import { listResources, startOperation } from "../../lifecycle/operation-store.ts";
import { findCompany, type CompanyRow } from "../../lifecycle/tenant-store.ts";
import { addToOutbox } from "../../outbox/outbox-store.ts";
import { createCompany } from "../../tenants/create-company.ts";
import { provisionSchema, type ProvisionRequest } from "../../tenants/tenant-schemas.ts";
import { ArchiveError } from "../file/archive-error.ts";
import { markImport, newMark, readImport } from "./import-store.ts";
import { loadArchive, newerMigrations } from "./load-archive.ts";
import type { ArchiveProgress } from "../progress.ts";
import { verifyArchive, type VerifiedArchive } from "../file/verify-archive.ts";

export interface ImportOptions {
  readonly file: string;
  readonly slug: string;
  readonly domain: string;
  /** Absent: as archived. */
  readonly name?: string | undefined;
  readonly plan?: string | undefined;
  /** Absent: the platform's. */
  readonly baseDomain?: string | undefined;
  /** For the audit log: `cli:<user>`. */
  readonly actor: string;
  readonly onProgress?: ArchiveProgress | undefined;
}

export interface ImportPlan {
  readonly archive: VerifiedArchive;
  readonly request: ProvisionRequest;
  /** Migrations that the data goes through after it was loaded. */
  readonly migrations: readonly string[];
  /** The company that an earlier run with the same file has made. */
  readonly existing: CompanyRow | undefined;
}

const patienceMs = 300_000;

/**
 * Looks at everything that could refuse the import, and changes nothing.
 * @throws ArchiveError; AppError `invalid-request`, `slug-taken`, `domain-taken`, `plan-unknown`.
 */
export async function planImport(ctx: ControlContext, options: ImportOptions): Promise<ImportPlan> {
  const archive = await verifyArchive(options.file, { onProgress: options.onProgress });
  const { company, owner } = archive.manifest;
  const { slug, domain, name = company.name, plan = company.plan, baseDomain } = options;
  const request = parseBody(provisionSchema, { name, domain, plan, slug, owner, ...(baseDomain && { baseDomain }) });
  const migrations = (await newerMigrations(archive.manifest)).map((migration) => migration.name);
  const existing = await findCompany(ctx.db, slug);
  const state = existing && (await readImport(ctx.db, existing.id));
  if (existing !== undefined && (state?.mark?.sha256 !== archive.sha256 || existing.domain !== request.domain))
    throw taken("slug-taken", "/slug", slug);
  if (existing === undefined) await refuseTaken(ctx, request);
  return { archive, request, migrations, existing };
}

/** What creating the company would find out too, for a run that creates none. */
async function refuseTaken({ db }: ControlContext, { domain, plan }: ProvisionRequest): Promise<void> {
  if (await db("companies").where({ domain }).first("id")) throw taken("domain-taken", "/domain", domain);
  const known = await db("plans").where({ code: plan, is_active: true }).first("id");
  if (known !== undefined) return;
  const errors = [{ pointer: "/plan", detail: "is not the code of a plan here" }];
  throw new AppError("plan-unknown", "Choose a plan of this platform.", { errors });
}

const taken = (code: "slug-taken" | "domain-taken", pointer: string, value: string): AppError =>
  new AppError(code, `'${value}' belongs to another company; choose another one.`, {
    errors: [{ pointer, detail: "is taken by another company" }],
  });

/**
 * Creates the company, fills it, opens it. A run that was killed goes on when the same file is imported under the same
 * slug and domain again; one that had ended changes nothing. Answers the company as it is then.
 * @throws what `planImport` throws; ArchiveError `import-refused` when the company cannot be made or filled now.
 */
export async function importTenant(ctx: ControlContext, options: ImportOptions): Promise<CompanyRow> {
  const plan = await planImport(ctx, options);
  const id = plan.existing?.id ?? (await create(ctx, plan, options.actor));
  const { mark } = (await readImport(ctx.db, id)) ?? {};
  if (mark?.finishedAt === undefined) {
    await waitUntilReady(ctx, id, options.slug);
    crashPoint(ctx, "import.load.before");
    const { uuid } = await getCompany(ctx, id);
    const { file, slug, onProgress } = options;
    await loadArchive(ctx, { id, uuid, slug, file, manifest: plan.archive.manifest, onProgress });
    crashPoint(ctx, "import.load.after");
    await open(ctx, id, { plan, actor: options.actor });
    crashPoint(ctx, "import.row.after");
    await waitUntilReady(ctx, id, options.slug);
  }
  return getCompany(ctx, id);
}

async function create(ctx: ControlContext, { request, archive }: ImportPlan, requestedBy: string): Promise<number> {
  const { companyId, fence } = await createCompany(ctx, {
    request,
    actor: { userId: 0, ...archive.manifest.owner },
    correlationId: `import-${archive.sha256.slice(0, 16)}`,
    idempotency: undefined,
    imported: { requestedBy, mark: newMark(archive.sha256) },
  });
  await convergeLeased(ctx, companyId, { fence });
  return companyId;
}

/** Converges here, or waits for who holds the company. @throws ArchiveError naming what a person has to mend. */
async function waitUntilReady(ctx: ControlContext, id: number, slug: string): Promise<void> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    await converge(ctx, id);
    const { desired } = (await readImport(ctx.db, id)) ?? { desired: "gone" };
    if (desired !== "suspended" && desired !== "active")
      throw new ArchiveError("import-refused", `${slug} is ${desired} by now; import the archive under another slug`);
    const rows = await listResources(ctx.db, id);
    const missing = rows.filter(({ name, status }) => isNeeded(name) && status !== "ready");
    if (missing.length === 0) return;
    const stuck = missing.find((row) => row.status === "failed" && row.next_attempt_at === null);
    if (stuck !== undefined || Date.now() > deadline) {
      const why = missing
        .map(({ name, last_error }) => `${name}: ${last_error?.message ?? "not there yet"}`)
        .join("; ");
      throw new ArchiveError("import-refused", `${slug} is not complete (${why}); mend that and import the file again`);
    }
    await sleep(250);
  }
}

const isNeeded = (name: string): boolean => (servingResources as readonly string[]).includes(name);

/** From here on the company is one like any other. */
async function open(
  ctx: ControlContext,
  id: number,
  { plan, actor }: { plan: ImportPlan; actor: string },
): Promise<void> {
  const { manifest, sha256, rows } = plan.archive;
  const correlationId = `import-${sha256.slice(0, 16)}`;
  await ctx.db.transaction(async (db) => {
    const state = await readImport(db, id, { lock: true });
    if (state?.mark?.loadedAt === undefined || state.mark.finishedAt !== undefined) return;
    // Somebody else may have opened, suspended anew or closed it since: their word counts.
    const operationId =
      state.desired === "suspended"
        ? await startOperation(db, { companyId: id, kind: "import", requestedBy: actor, correlationId })
        : undefined;
    if (operationId !== undefined) {
      await aimAt(db, id, { desired: "active" });
      // The mail of its first moment found it suspended.
      await addToOutbox(db, "provisioning.email", id);
    }
    await markImport(db, id, "finishedAt");
    const { id: fromId, uuid, slug } = manifest.company;
    const data = { archive: sha256, from: { id: fromId, uuid, slug }, rows, ...(operationId && { operationId }) };
    await writeAudit(db, { actor, action: "tenant.imported", companyId: id, correlationId, data });
  });
}

async function getCompany(ctx: ControlContext, id: number): Promise<CompanyRow> {
  const company = await findCompany(ctx.db, id);
  if (company === undefined) throw new ArchiveError("import-refused", `company ${id} is gone; import the archive anew`);
  return company;
}
