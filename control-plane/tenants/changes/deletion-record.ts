import type { Knex } from "../../../core/db.ts";
import { AppError } from "../../../core/errors.ts";
import type { DeletionManifest } from "../../lifecycle/endings/deletion-manifest.ts";
import type { CompanyRow } from "../../lifecycle/tenant-store.ts";

/** What a deleted company leaves: the manifest, and the same as a JSON Web Signature in compact form (RFC 7515). */
export interface DeletionRecord {
  readonly manifest: DeletionManifest;
  readonly jws: string;
}

export const findDeletionRecord = (db: Knex, companyId: number): Promise<DeletionRecord | undefined> =>
  db("deletion_manifests").where({ company_id: companyId }).first("manifest", "jws");

/** @throws AppError `not-found` while anything of the company is left. */
export async function getDeletionRecord(db: Knex, company: CompanyRow): Promise<DeletionRecord> {
  const record = await findDeletionRecord(db, company.id);
  if (record !== undefined) return record;
  throw new AppError("not-found", `The company is ${company.status}: there is a manifest when all of it is gone.`);
}
