/** An archive's rows into a schema of the same tables, and the proof that they are all there. */
import pg from "pg";
import { ArchiveError } from "../file/archive-error.ts";
import { copyIn, sumTable } from "../tables/copy-tables.ts";
import { loadOrder } from "./load-order.ts";
import { csvName, type Manifest } from "../file/manifest.ts";
import type { ArchiveProgress } from "../progress.ts";
import { listReferences, listTables, readSequences, type TenantTable } from "../tables/tenant-tables.ts";
import type { TenantTransaction } from "../tables/tenant-transaction.ts";
import { refuseOtherSum } from "../file/verify-archive.ts";
import type { ZipReader } from "../file/zip-reader.ts";

export interface LoadOptions {
  readonly schema: string;
  readonly zip: ZipReader;
  readonly manifest: Manifest;
  readonly onProgress?: ArchiveProgress | undefined;
}

/**
 * Empties all tables of the schema, fills them, sets its sequences, and reads every table back as it would be exported.
 * @throws ArchiveError `archive-not-importable` when the schema has other tables or columns, or when what was loaded is
 * not, to the byte, what the archive says; the transaction is over then.
 */
export async function loadTables(transaction: TenantTransaction, options: LoadOptions): Promise<void> {
  const { db, connection } = transaction;
  const { schema, manifest } = options;
  const found = await listTables(db, schema);
  refuseOtherShape(
    manifest,
    found,
    (await readSequences(db, schema)).map(({ name }) => name),
  );
  const { tables, deferred } = loadOrder(
    found.map(({ name }) => name),
    await listReferences(db, schema),
  );
  const inSchema = (table: string) => `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(table)}`;
  const alter = (kind: string) =>
    deferred.map(
      ({ from, name }) => `ALTER TABLE ${inSchema(from)} ALTER CONSTRAINT ${pg.escapeIdentifier(name)} ${kind}`,
    );

  // All at once: one by one, a table that another one points at could not be emptied.
  await connection.query(
    [`TRUNCATE ${tables.map(inSchema).join(", ")}`, ...alter("DEFERRABLE INITIALLY DEFERRED")].join(";"),
  );
  const wanted = new Map(manifest.tables.map((table) => [table.name, table]));
  const columnsOf = new Map(found.map((table) => [table.name, table]));
  const each = async (step: "load" | "compare", work: (table: TenantTable) => ReturnType<typeof sumTable>) => {
    for (const [i, name] of tables.entries()) {
      const [table, sum] = [columnsOf.get(name), wanted.get(name)];
      if (table === undefined || sum === undefined) continue;
      const got = await work(table);
      if (step === "load") refuseOtherSum(csvName(name), got, sum);
      else refuseOtherRows(name, got, sum);
      options.onProgress?.({ step, table: name, done: i + 1, tables: tables.length, ...got });
    }
  };
  await each("load", async (table) =>
    copyIn(connection, { schema, table, text: await options.zip.open(csvName(table.name)) }),
  );
  for (const { name, lastValue, isCalled } of manifest.sequences)
    await connection.query("SELECT setval(format('%I.%I', $1::text, $2::text)::regclass, $3::bigint, $4)", [
      schema,
      name,
      lastValue,
      isCalled,
    ]);
  await connection.query(["SET CONSTRAINTS ALL IMMEDIATE", ...alter("NOT DEFERRABLE")].join(";"));
  await each("compare", (table) => sumTable(connection, schema, table));
}

function refuseOtherShape(manifest: Manifest, found: readonly TenantTable[], sequences: readonly string[]): void {
  const shapeOf = (tables: readonly Pick<TenantTable, "name" | "columns">[], others: readonly string[]) =>
    new Set([...tables.flatMap(({ name, columns }) => [name, ...columns.map((c) => `${name}.${c}`)]), ...others]);
  const archived = shapeOf(
    manifest.tables,
    manifest.sequences.map(({ name }) => name),
  );
  const own = shapeOf(found, sequences);
  const surplus = [...archived].filter((name) => !own.has(name));
  const missing = [...own].filter((name) => !archived.has(name));
  if (surplus.length === 0 && missing.length === 0) return;
  const told = [
    ...(surplus.length > 0 ? [`it has ${surplus.join(", ")}, which no migration makes`] : []),
    ...(missing.length > 0 ? [`it lacks ${missing.join(", ")}`] : []),
  ];
  throw new ArchiveError("archive-not-importable", `the archive's schema was changed by hand: ${told.join("; ")}`);
}

function refuseOtherRows(name: string, found: Parameters<typeof refuseOtherSum>[1], wanted: typeof found): void {
  try {
    refuseOtherSum(name, found, wanted);
  } catch (error) {
    const why = `what was loaded reads back otherwise: ${(error as Error).message}`;
    throw new ArchiveError("archive-not-importable", why, { cause: error });
  }
}
