/** Rows of tenant_archives: each export that was taken, until and after its file is removed. */
import type { Knex } from "../../../core/db.ts";
import { writeAudit } from "../../audit.ts";
import type { ArchivePurpose } from "../file/archive-folder.ts";
import type { Manifest } from "../file/manifest.ts";

export interface ArchiveRow {
  readonly id: number;
  readonly company_id: number;
  readonly purpose: ArchivePurpose;
  /** Absolute. */
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
  /** As in the file, without the owner: the row outlives the company. */
  readonly manifest: Omit<Manifest, "owner">;
  readonly created_at: Date;
  readonly verified_at: Date | null;
  /** Null where the file is kept until somebody removes it. */
  readonly expires_at: Date | null;
  readonly removed_at: Date | null;
}

export interface NewArchive {
  readonly companyId: number;
  readonly purpose: ArchivePurpose;
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly manifest: Manifest;
  readonly retentionDays: number | undefined;
}

/** Writes down a file that was verified, with its audit row; belongs in a transaction. */
export async function recordArchive(db: Knex, archive: NewArchive, actor: string): Promise<ArchiveRow> {
  const { owner: _, ...manifest } = archive.manifest;
  const { companyId, purpose, path, bytes, sha256, retentionDays } = archive;
  const [row] = (await db("tenant_archives")
    .insert({
      company_id: companyId,
      purpose,
      path,
      bytes,
      sha256,
      manifest: JSON.stringify(manifest),
      verified_at: db.fn.now(),
      expires_at: retentionDays === undefined ? null : db.raw("now() + ? * interval '1 day'", [retentionDays]),
    })
    .returning("*")) as [ArchiveRow];
  const data = { archiveId: row.id, purpose, bytes, sha256, rows: manifest.tables.reduce((sum, t) => sum + t.rows, 0) };
  await writeAudit(db, { actor, action: "tenant.exported", companyId, data });
  return row;
}

/** Verified final exports of a company whose file should be there, newest first. */
export const listFinalArchives = (db: Knex, companyId: number): Promise<ArchiveRow[]> =>
  db("tenant_archives")
    .where({ company_id: companyId, purpose: "final", removed_at: null })
    .whereNotNull("verified_at")
    .orderBy("id", "desc");

export const listExpiredArchives = (db: Knex): Promise<ArchiveRow[]> =>
  db("tenant_archives").where({ removed_at: null }).where("expires_at", "<=", db.fn.now()).orderBy("id");

/** Writes down that the file is gone. False when somebody else did. */
export async function recordRemoval(db: Knex, { id, company_id, sha256 }: ArchiveRow, actor: string): Promise<boolean> {
  const changed = await db("tenant_archives").where({ id, removed_at: null }).update({ removed_at: db.fn.now() });
  if (changed === 0) return false;
  const data = { archiveId: id, sha256 };
  await writeAudit(db, { actor, action: "tenant.archive-removed", companyId: company_id, data });
  return true;
}
