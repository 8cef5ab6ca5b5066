/** One company's data as one file: a ZIP of CSV texts and a manifest, of one moment, read back before it counts. */
import { existsSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { Knex } from "../../../core/db.ts";
import type { ControlContext } from "../../context.ts";
import { crashPoint } from "../../lifecycle/crash-point.ts";
import { findCompany, type CompanyRow } from "../../lifecycle/tenant-store.ts";
import { ArchiveError } from "../file/archive-error.ts";
import { archiveFolder, archiveName, draftOf, makeArchiveFolder, syncFolderOf } from "../file/archive-folder.ts";
import { asNotWritten } from "../file/not-written.ts";
import type { ArchivePurpose } from "../file/archive-folder.ts";
import { recordArchive, type ArchiveRow } from "./archive-store.ts";
import type { ArchiveProgress } from "../progress.ts";
import { verifyArchive } from "../file/verify-archive.ts";
import { writeArchive } from "./write-archive.ts";

export interface ExportOptions {
  readonly companyId: number;
  readonly purpose: ArchivePurpose;
  /** For the audit log: `system`, `cli:<user>`, `user:<id>`. */
  readonly actor: string;
  /** Absent: a name in the archive folder. */
  readonly file?: string | undefined;
  /** Absent: kept until somebody removes it. */
  readonly retentionDays?: number | undefined;
  readonly onProgress?: ArchiveProgress | undefined;
  /** First in the transaction that writes the row; throws when the caller may not write it any more. */
  readonly assertFence?: (db: Knex) => Promise<void>;
}

/**
 * Takes the export, verifies it, gives it its name and writes its row. The company may be written to meanwhile: what is
 * exported is the moment of the first read. When it fails, no file of this run is left.
 * @throws ArchiveError `export-refused`, `archive-not-written`, `archive-damaged`; what PostgreSQL throws.
 */
export async function exportTenant(ctx: ControlContext, options: ExportOptions): Promise<ArchiveRow> {
  const { companyId, purpose, actor, retentionDays, onProgress } = options;
  const company = await getServedCompany(ctx.db, companyId);
  const path = resolve(options.file ?? join(archiveFolder(ctx.config), archiveName(company, purpose, new Date())));
  const draft = draftOf(path);
  let isNamed = false;
  try {
    if (options.file === undefined) await makeArchiveFolder(dirname(path));
    else if (existsSync(path)) throw new ArchiveError("export-refused", `${path} is there already; name another file`);
    const written = await writeArchive(ctx, company, { draft, purpose, onProgress });
    await verifyArchive(draft, { sha256: written.sha256, onProgress });
    if (purpose === "final") crashPoint(ctx, "deleted.archive.draft");
    await rename(draft, path);
    isNamed = true;
    await syncFolderOf(path);
    if (purpose === "final") crashPoint(ctx, "deleted.archive.file");
    return await ctx.db.transaction(async (db) => {
      await options.assertFence?.(db);
      return recordArchive(db, { companyId, purpose, path, retentionDays, ...written }, actor);
    });
  } catch (error) {
    await rm(isNamed ? path : draft, { force: true }).catch(() => undefined);
    throw asNotWritten(error, dirname(path));
  }
}

/** @throws ArchiveError `export-refused` for a company without anything to keep. */
async function getServedCompany(db: Knex, companyId: number): Promise<CompanyRow> {
  const company = await findCompany(db, companyId);
  if (company === undefined) throw new ArchiveError("export-refused", `there is no company ${companyId}`);
  if (company.first_active_at !== null) return company;
  throw new ArchiveError("export-refused", `${company.slug} was never active: there is nothing to export`);
}
