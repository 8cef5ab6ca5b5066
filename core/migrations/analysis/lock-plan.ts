/** Which tables a file's statements lock, and how strongly. */
import { applyStatement } from "./apply-statement.ts";
import { lockModes, stronger, type LockMode, type TableLock } from "./lock-modes.ts";
import { beforeFile, type SchemaModel } from "./schema-model.ts";
import { statementLocks } from "./statement-locks.ts";
import type { Statement } from "./syntax-tree.ts";

export interface PlannedLock {
  /** Number of the statement, from 0. */
  readonly statement: number;
  /** Its name before the file where it was there, else the name that the statement uses. */
  readonly table: string;
  readonly mode: LockMode;
  /** False: the file itself made the table, or nobody knows it; requests do not wait for it. */
  readonly existing: boolean;
}

/** The locks of each statement in order, and the model that the statements leave; `before` is not changed. */
export function lockPlan(
  statements: readonly Statement[],
  before: SchemaModel,
): { locks: PlannedLock[]; after: SchemaModel } {
  const model = beforeFile(before);
  const locks = statements.flatMap((statement, number) => {
    const taken = [...statementLocks(model, statement)].map(([name, mode]) => {
      const origin = model.tables.get(name)?.origin;
      return { statement: number, table: origin ?? name, mode, existing: origin !== undefined };
    });
    applyStatement(model, statement);
    return taken;
  });
  return { locks, after: model };
}

/**
 * The strongest lock on each table that was there before, strongest first, then by name: a fixed order, so that two who
 * take them one after the other cannot hold each other up. Views are left out: LOCK TABLE refuses materialized ones, and
 * of others it would lock the tables that they read. So are partitions whose whole table is locked as strongly: they are
 * locked with it, and a tenant may not have them.
 */
export function strongestLocks(locks: readonly PlannedLock[], before: SchemaModel): TableLock[] {
  const modes = new Map<string, LockMode>();
  for (const { table, mode, existing } of locks)
    if (existing && before.tables.get(table)?.kind === "table")
      modes.set(table, stronger(mode, modes.get(table) ?? mode));
  const strength = ({ mode }: TableLock): number => lockModes.indexOf(mode);
  const isInParent = (table: string, mode: LockMode): boolean => {
    const parent = before.tables.get(table)?.parent;
    const whole = parent === undefined ? undefined : modes.get(parent);
    return whole !== undefined && stronger(whole, mode) === whole;
  };
  return [...modes]
    .filter(([table, mode]) => !isInParent(table, mode))
    .map(([table, mode]) => ({ table, mode }))
    .toSorted((a, b) => strength(b) - strength(a) || (a.table < b.table ? -1 : 1));
}
