/** One transaction: the schema at the archive's version, its rows, the proof, the way in, and the schema at ours again. */
import { schemaFingerprint } from "../../../core/migrations/fingerprint.ts";
import { applyInTransaction } from "../../../core/migrations/apply-migration.ts";
import { compiledMigrations, type CompiledMigration } from "../../../core/migrations/compile.ts";
import { partitionStatement, searchPathStatement } from "../../../core/migrations/tenant-schema.ts";
import { isBehind, versionOf } from "../../../core/migrations/version.ts";
import { schemaName } from "../../../core/tenant.ts";
import type { ControlContext } from "../../context.ts";
import { crashPoint } from "../../lifecycle/crash-point.ts";
import { ArchiveError } from "../file/archive-error.ts";
import { renewAccess } from "./import-access.ts";
import { markImport, readImport } from "./import-store.ts";
import { loadTables } from "./load-tables.ts";
import type { Manifest } from "../file/manifest.ts";
import type { ArchiveProgress } from "../progress.ts";
import { listApplied } from "../tables/tenant-tables.ts";
import { withTenantTransaction, type TenantTransaction } from "../tables/tenant-transaction.ts";
import { openZip } from "../file/zip-reader.ts";

export interface LoadRequest {
  readonly id: number;
  readonly uuid: string;
  readonly slug: string;
  readonly file: string;
  /** Of the file when it was verified. */
  readonly manifest: Manifest;
  readonly onProgress?: ArchiveProgress | undefined;
}

/**
 * Migrations that this release has and the archive has not.
 * @throws ArchiveError `archive-not-importable` when the archive's are not the first ones of ours, of the product's and of an importer's each.
 */
export async function newerMigrations({ migrations }: Pick<Manifest, "migrations">): Promise<CompiledMigration[]> {
  const ours = await compiledMigrations("tenant");
  const foreign = migrations.filter((name) => !ours.some((migration) => migration.name === name));
  const has = versionOf(ours.filter(({ name }) => migrations.includes(name)));
  const newer = ours.filter(({ name }) => !migrations.includes(name));
  const skipped = newer.filter(({ name }) => !isBehind(has, name)).map(({ name }) => name);
  if (foreign.length + skipped.length === 0) return newer;
  const why =
    foreign.length > 0
      ? `its schema has migrations that this release does not have: ${foreign.join(", ")}`
      : `its schema has later migrations without ${skipped.join(", ")}`;
  throw new ArchiveError("archive-not-importable", `${why}; import it with the release that made it, or a newer one`);
}

/** Loads the archive into its company, once: a second call changes nothing. @throws ArchiveError. */
export async function loadArchive(ctx: ControlContext, request: LoadRequest): Promise<void> {
  const { id, uuid, manifest } = request;
  const newer = await newerMigrations(manifest);
  const zip = await openZip(request.file);
  try {
    await withTenantTransaction(ctx, { companyId: id, kind: "load" }, async (transaction) => {
      const { db, connection } = transaction;
      await refuseOtherState(transaction, request);
      const state = await readImport(db, id);
      if (state?.mark?.loadedAt !== undefined) return;
      const searchPath = searchPathStatement(id);
      await connection.query(searchPath);
      for (const migration of newer.toReversed()) await applyInTransaction(db, migration, "down");
      await noteOtherShape(ctx, transaction, request);
      await loadTables(transaction, { schema: schemaName(id), zip, manifest, onProgress: request.onProgress });
      await renewAccess(db, ctx.secrets, { id, uuid, owner: manifest.owner });
      await connection.query(searchPath);
      for (const migration of newer) await applyInTransaction(db, migration, "up");
      await connection.query(partitionStatement(id));
      await refuseOtherState(transaction, request, { lock: true });
      await db("public.companies").where({ id }).update({ locale: manifest.company.locale });
      await markImport(db, id, "loadedAt");
      crashPoint(ctx, "import.load.commit");
    });
  } finally {
    zip.close();
  }
}

/** Locked, it holds until the transaction ends: nobody opens or removes the company in between. */
async function refuseOtherState(
  { db }: TenantTransaction,
  { id, slug }: LoadRequest,
  { lock = false } = {},
): Promise<void> {
  const state = await readImport(db, id, { lock });
  if (state === undefined) throw new ArchiveError("import-refused", `company ${slug} is gone; import the archive anew`);
  const isReady = state.desired === "suspended" || state.mark?.loadedAt !== undefined;
  if (!isReady)
    throw new ArchiveError("import-refused", `${slug} is ${state.desired} by now; it must be suspended to be filled`);
  const applied = await listApplied(db, schemaName(id));
  const ours = (await compiledMigrations("tenant")).map(({ name }) => name);
  if (applied.toSorted().join() !== ours.join())
    throw new ArchiveError("import-refused", `migrate the company first: npm run migrate -- tenant ${id}`);
}

/** The same tables and columns may have had other indexes or rights: the rows fit, so that is said and no more. */
async function noteOtherShape(
  ctx: ControlContext,
  { db }: TenantTransaction,
  { id, manifest }: LoadRequest,
): Promise<void> {
  const { hash } = await schemaFingerprint(db, schemaName(id));
  if (hash === manifest.fingerprint) return;
  ctx.log.warn(
    { companyId: id },
    "the archived schema differed from what its migrations make; this company has theirs",
  );
}
