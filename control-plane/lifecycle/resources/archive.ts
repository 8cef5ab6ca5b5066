/** The last export of a company, taken and verified before anything of it is removed. */
import { stat } from "node:fs/promises";
import { ResourceError } from "../../../core/errors.ts";
import { ownerMark, schemaName } from "../../../core/tenant.ts";
import { ArchiveError } from "../../archive/file/archive-error.ts";
import { archiveFolder, makeArchiveFolder } from "../../archive/file/archive-folder.ts";
import { listFinalArchives, type ArchiveRow } from "../../archive/export/archive-store.ts";
import { exportTenant } from "../../archive/export/export-tenant.ts";
import { removeDrafts, removeUnrecorded } from "../../archive/export/final-leftovers.ts";
import { asNotWritten } from "../../archive/file/not-written.ts";
import { hashFile } from "../../archive/file/verify-archive.ts";
import type { ControlContext } from "../../context.ts";
import { LeaseLost } from "../lease.ts";
import type { Inspection, LeasedTenant, Resource } from "../resource.ts";

export const archive: Resource = {
  name: "archive",
  after: [],

  async inspect(ctx, tenant): Promise<Inspection> {
    for (const row of await listFinalArchives(ctx.db, tenant.id)) if (await isThere(row)) return { state: "present" };
    return { state: "absent" };
  },

  /** A company that never was served, or has no schema any more, has nothing to keep. */
  async ensure(ctx, tenant) {
    if (!tenant.wasActive || !(await hasSchema(ctx, tenant))) return;
    const folder = archiveFolder(ctx.config);
    try {
      await makeArchiveFolder(folder);
      if (!(await isTaken(ctx, tenant))) {
        await removeDrafts(folder, tenant);
        await takeFinal(ctx, tenant);
      }
      const recorded = await listFinalArchives(ctx.db, tenant.id);
      await removeUnrecorded(
        folder,
        tenant,
        recorded.map(({ path }) => path),
      );
    } catch (error) {
      throw asResourceError(asNotWritten(error, folder));
    }
  },

  /** Its time removes it: see archive/remove-expired.ts. */
  destroy: () => Promise.resolve(),
};

async function takeFinal(ctx: ControlContext, tenant: LeasedTenant): Promise<void> {
  await exportTenant(ctx, {
    companyId: tenant.id,
    purpose: "final",
    actor: "system",
    retentionDays: ctx.config.ARCHIVE_RETENTION_DAYS,
    async assertFence(db) {
      try {
        await db.raw("SELECT public.assert_lease(?, ?)", [tenant.id, tenant.fence]);
      } catch (error) {
        throw (error as { code?: unknown }).code === "SE001" ? new LeaseLost(tenant.id) : error;
      }
    },
  });
}

/** @throws ResourceError `conflict`: under another mark nobody can say whose data it is, so nothing may be removed. */
async function hasSchema(ctx: ControlContext, tenant: LeasedTenant): Promise<boolean> {
  const schema = schemaName(tenant.id);
  const row = await ctx
    .db("pg_namespace")
    .where({ nspname: schema })
    .first(ctx.db.raw("obj_description(oid, 'pg_namespace') AS mark"));
  if (row === undefined) return false;
  if (row.mark === ownerMark(tenant.uuid)) return true;
  const why = `schema ${schema} exists and is not this company's; look at its comment`;
  throw new ResourceError("conflict", "database-foreign", why);
}

const isThere = async ({ path, bytes }: ArchiveRow): Promise<boolean> =>
  stat(path).then(
    (file) => file.isFile() && file.size === bytes,
    () => false,
  );

async function isTaken(ctx: ControlContext, tenant: LeasedTenant): Promise<boolean> {
  for (const row of await listFinalArchives(ctx.db, tenant.id))
    if ((await isThere(row)) && (await hashFile(row.path)) === row.sha256) return true;
  return false;
}

/** The disk may be mended, and what was damaged on its way there is written again: a retry may help. */
const asResourceError = (error: unknown): unknown =>
  error instanceof ArchiveError ? new ResourceError("transient", error.code, error.message, { cause: error }) : error;
