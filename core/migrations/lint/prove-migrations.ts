/** Tenants' migrations tried on a real server: each goes up, down and up again, and nothing of it stays. */
import { relative } from "node:path";
import type { Knex } from "../../db.ts";
import { schemaName } from "../../tenant.ts";
import { applyInTransaction, type Direction } from "../apply-migration.ts";
import { compileMigrations, type CompiledMigration } from "../compile.ts";
import { fingerprintDiff, schemaFingerprint, type Fingerprint } from "../fingerprint.ts";
import { listMigrationFiles } from "../folders.ts";
import { readHistory } from "../history.ts";
import { makeSchema } from "../make-schema.ts";
import { readMigrations } from "../sql-files.ts";
import { roleStatements, searchPathStatement } from "../tenant-schema.ts";
import { newFinding, type LintFinding } from "./finding.ts";
import type { Hit } from "./rules.ts";

/** No company gets as far. */
const owner = { id: Number.MAX_SAFE_INTEGER - 1, uuid: "00000000-0000-0000-0000-000000000001" };

/**
 * From the first file that is not sealed. In one transaction that is rolled back, on a database that is set up; `db` may create schemas and roles. Ends at the first file
 * that fails: those after it would fail for its sake. All is made as it is written: of a large tenant's tables the parted ones are
 * parted, and what holds for those holds for one table too.
 */
export async function proveMigrations(db: Knex): Promise<LintFinding[]> {
  const migrations = await compileMigrations(readMigrations("tenant"));
  const sealed = readHistory("tenant");
  const first = migrations.findIndex(({ name }) => sealed[name] === undefined);
  if (first === -1) return [];
  const trx = await db.transaction();
  try {
    await makeSchema(trx, owner, { before: roleStatements(owner), migrations: migrations.slice(0, first) });
    return await proveAll(trx, migrations.slice(first));
  } finally {
    await trx.rollback();
  }
}

async function proveAll(trx: Knex, migrations: readonly CompiledMigration[]): Promise<LintFinding[]> {
  const findings: LintFinding[] = [];
  let before = await shapeOf(trx);
  for (const migration of migrations) {
    const { after, hits } = await prove(trx, migration, before);
    findings.push(...hits.map((hit) => present(migration, hit)));
    if (after === undefined) return findings;
    before = after;
  }
  return findings;
}

type Proof = { readonly after?: Fingerprint; readonly hits: readonly Hit[] };

async function prove(trx: Knex, migration: CompiledMigration, before: Fingerprint): Promise<Proof> {
  const hits: Hit[] = [];
  try {
    await run(trx, migration, "up");
    const after = await shapeOf(trx);
    if (!migration.isTransactional) await run(trx, migration, "up");
    await run(trx, migration, "down");
    hits.push(...differences("after up and down", before, await shapeOf(trx)));
    await run(trx, migration, "up");
    hits.push(...differences("after up, down and up", after, await shapeOf(trx)));
    return { after, hits };
  } catch (error) {
    // Knex puts the whole text before what the server says.
    const what = (error as Error).message.split(" - ").at(-1) ?? "";
    return { hits: [...hits, { code: "fails", what }] };
  }
}

async function run(trx: Knex, migration: CompiledMigration, direction: Direction): Promise<void> {
  await trx.raw(searchPathStatement(owner.id));
  await applyInTransaction(trx, migration, direction);
}

const shapeOf = (trx: Knex): Promise<Fingerprint> => schemaFingerprint(trx, schemaName(owner.id));

const differences = (when: string, expected: Fingerprint, actual: Fingerprint): Hit[] => {
  const lines = fingerprintDiff(expected, actual);
  return lines.length === 0 ? [] : [{ code: "not-reversible", what: `${when} ${lines.join(", ")}` }];
};

function present({ name, downLine, upLine }: CompiledMigration, hit: Hit): LintFinding {
  const path = listMigrationFiles("tenant").find((file) => file.name === name)?.path ?? name;
  const line = hit.code === "not-reversible" ? downLine : upLine;
  return newFinding({ kind: "tenant", file: relative(process.cwd(), path), line }, hit);
}
