import { schemaFingerprint } from "../../../core/migrations/fingerprint.ts";
import type { Knex } from "../../../core/db.ts";
import { ownerMark, schemaName } from "../../../core/tenant.ts";
import type { ControlContext } from "../../context.ts";
import type { CompanyRow } from "../../lifecycle/tenant-store.ts";
import { ArchiveError } from "../file/archive-error.ts";
import type { ArchivePurpose } from "../file/archive-folder.ts";
import { meteredCopy } from "../tables/copy-tables.ts";
import { csvName, manifestName, writeManifest, type Manifest, type TableSum } from "../file/manifest.ts";
import type { ArchiveProgress } from "../progress.ts";
import { listApplied, listTables, readSequences } from "../tables/tenant-tables.ts";
import { withTenantTransaction, type TenantTransaction } from "../tables/tenant-transaction.ts";
import { createZip, type ZipWriter } from "../file/zip-writer.ts";

export interface WrittenArchive {
  readonly manifest: Manifest;
  readonly bytes: number;
  readonly sha256: string;
}

interface WriteOptions {
  /** Must not be there. */
  readonly draft: string;
  readonly purpose: ArchivePurpose;
  readonly onProgress?: ArchiveProgress | undefined;
}

/**
 * Streams every table of one snapshot into the file, one after another, and the manifest behind them.
 * @throws ArchiveError `export-refused` when the schema is not there or not this company's.
 */
export function writeArchive(ctx: ControlContext, company: CompanyRow, options: WriteOptions): Promise<WrittenArchive> {
  return withTenantTransaction(ctx, { companyId: company.id, kind: "snapshot" }, async (transaction) => {
    await refuseForeignSchema(transaction.db, company);
    const exportedAt = new Date();
    const zip = await createZip(options.draft, exportedAt);
    try {
      const content = await writeTables(transaction, zip, { schema: schemaName(company.id), ...options });
      const manifest = { ...(await describe(ctx.db, company)), ...content };
      const full = { ...manifest, purpose: options.purpose, exportedAt: exportedAt.toISOString() };
      const { text, value } = writeManifest(full);
      await zip.add(manifestName, text);
      return { manifest: value, ...(await zip.finish()) };
    } catch (error) {
      await zip.abort();
      throw error;
    }
  });
}

async function refuseForeignSchema(db: Knex, { id, uuid, slug }: CompanyRow): Promise<void> {
  const row = await db("pg_namespace")
    .where({ nspname: schemaName(id) })
    .first(db.raw("obj_description(oid, 'pg_namespace') AS mark"));
  if (row === undefined) throw new ArchiveError("export-refused", `${slug} has no schema: there is nothing to export`);
  if (row.mark !== ownerMark(uuid))
    throw new ArchiveError("export-refused", `schema ${schemaName(id)} carries another mark: it is not this company's`);
}

type Content = Pick<Manifest, "tables" | "sequences" | "migrations" | "fingerprint">;

async function writeTables(
  { db, connection }: TenantTransaction,
  zip: ZipWriter,
  { schema, onProgress }: { readonly schema: string; readonly onProgress?: ArchiveProgress | undefined },
): Promise<Content> {
  const migrations = await listApplied(db, schema);
  const { hash: fingerprint } = await schemaFingerprint(db, schema);
  const all = await listTables(db, schema);
  const tables: TableSum[] = [];
  for (const table of all) {
    const { name, columns } = table;
    const meter = meteredCopy(connection, schema, table);
    await zip.add(csvName(name), meter.stream);
    const sum = { name, columns: [...columns], ...meter.sum() };
    tables.push(sum);
    onProgress?.({ step: "export", table: name, done: tables.length, tables: all.length, ...sum });
  }
  return { tables, sequences: await readSequences(db, schema), migrations, fingerprint };
}

async function describe(db: Knex, company: CompanyRow): Promise<Pick<Manifest, "company" | "owner">> {
  const { id, uuid, slug, name, domain, locale, plan_code: plan } = company;
  const modules: string[] = await db("tenant_modules")
    .where({ company_id: id })
    .orderBy("module_code")
    .pluck("module_code");
  return {
    company: { id, uuid, slug, name, domain, plan, locale, modules },
    owner: { name: company.owner_name, email: company.owner_email },
  };
}
