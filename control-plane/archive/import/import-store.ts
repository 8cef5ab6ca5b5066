/** How far an import has come: in the company's metadata, written with what it tells of, so that a second run goes on. */
import type { Knex } from "../../../core/db.ts";
import type { DesiredState } from "../../../core/tenant.ts";

export interface ImportMark {
  /** Of the archive's file. */
  readonly sha256: string;
  /** All rows are in. */
  readonly loadedAt?: string;
  /** The company was opened. */
  readonly finishedAt?: string;
}

export interface ImportState {
  readonly mark: ImportMark | undefined;
  readonly desired: DesiredState;
}

export const newMark = (sha256: string): { readonly import: ImportMark } => ({ import: { sha256 } });

/**
 * The table by its full name: the search path may be a company's.
 * @param lock waits for, and keeps out, whoever changes what is wanted of the company, until the transaction ends.
 */
export async function readImport(db: Knex, companyId: number, { lock = false } = {}): Promise<ImportState | undefined> {
  const find = db("public.companies").where({ id: companyId });
  const row = await (lock ? find.forUpdate() : find).first("desired_state", "metadata");
  return row && { desired: row.desired_state as DesiredState, mark: row.metadata.import as ImportMark | undefined };
}

export async function markImport(db: Knex, companyId: number, moment: "loadedAt" | "finishedAt"): Promise<void> {
  await db("public.companies")
    .where({ id: companyId })
    .update({ metadata: db.raw("jsonb_set(metadata, ?, to_jsonb(now()))", [["import", moment]]) });
}
