/** Migrations read by PostgreSQL's own parser, each in the schema that those before it leave. */
import type { SqlMigration } from "../sql-files.ts";
import type { TableLock } from "./lock-modes.ts";
import { lockPlan, strongestLocks, type PlannedLock } from "./lock-plan.ts";
import { emptyModel, type SchemaModel } from "./schema-model.ts";
import { parseStatements, type Statement } from "./syntax-tree.ts";

export interface AnalysedSection {
  readonly statements: readonly Statement[];
  /** The schema that the first statement finds. */
  readonly before: SchemaModel;
  readonly plan: readonly PlannedLock[];
  readonly locks: readonly TableLock[];
}

export interface AnalysedMigration {
  readonly migration: SqlMigration;
  readonly up: AnalysedSection;
  readonly down: AnalysedSection;
}

/** @param migrations in order, from the first. @throws Error with the file's name when its SQL does not parse, or is none. */
export async function analyseMigrations(migrations: readonly SqlMigration[]): Promise<AnalysedMigration[]> {
  const parsed = await Promise.all(migrations.map(parseSections));
  let model = emptyModel();
  return parsed.map(({ migration, up, down }) => {
    const there = analyseSection(up, model);
    model = there.after;
    return { migration, up: there.section, down: analyseSection(down, model).section };
  });
}

async function parseSections(migration: SqlMigration) {
  try {
    const [up, down] = [await parseStatements(migration.up), await parseStatements(migration.down)];
    if (migration.script === undefined && (up.length === 0 || down.length === 0))
      throw new Error(`there are no statements under '-- ${up.length === 0 ? "up" : "down"}'`);
    return { migration, up, down };
  } catch (error) {
    throw new Error(`${migration.name}: ${(error as Error).message}`, { cause: error });
  }
}

function analyseSection(statements: readonly Statement[], before: SchemaModel) {
  const { locks: plan, after } = lockPlan(statements, before);
  return { section: { statements, before, plan, locks: strongestLocks(plan, before) }, after };
}
