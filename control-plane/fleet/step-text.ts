/** A step as the one message that does it, and where in it something went wrong. */
import pg from "pg";
import { mayPart, partitionStatement, searchPathStatement } from "../../core/migrations/tenant-schema.ts";
import { blockedBy } from "../../core/migrations/analysis/lock-modes.ts";
import type { CompiledMigration } from "../../core/migrations/compile.ts";
import type { ResultError } from "./run-store.ts";
import { recordStatement, type Step } from "./step.ts";

/** Constant for all tenants of a step. */
export interface StepText {
  readonly body: string;
  /** Each of its statements: where it stands in which file; undefined for the locks that are taken first. */
  readonly places: readonly (Place | undefined)[];
  readonly needsPartitions: boolean;
}

interface Place {
  readonly migration: string;
  readonly statement: number;
  readonly sql: string;
}

const texts = new WeakMap<Step, StepText>();

export function textOf(step: Step): StepText {
  let text = texts.get(step);
  if (text === undefined) {
    text = compose(step);
    texts.set(step, text);
  }
  return text;
}

function compose(step: Step): StepText {
  const parts = step.migrations.flatMap((migration, file) => [
    ...lockStatements(step, migration, file === 0).map((sql) => ({ sql, place: undefined })),
    ...statementsOf(step, migration).map((sql, i) => ({
      sql,
      place: { migration: migration.name, statement: i + 1, sql: sql.slice(0, 200) },
    })),
  ]);
  return {
    body: parts.map(({ sql }) => sql).join(";\n"),
    places: parts.map(({ place }) => place),
    needsPartitions: step.direction === "up" && step.migrations.some(mayPart),
  };
}

const statementsOf = ({ direction }: Step, migration: CompiledMigration): readonly string[] =>
  direction === "up" ? migration.statements : migration.downStatements;

/**
 * Every lock that a request would wait for is taken before the file begins. Who waits while he holds something could be waited
 * for in turn: so only the first lock is waited for with patience, the others for less than the second after which a
 * request looks for a deadlock and dies of it.
 */
function lockStatements({ direction }: Step, migration: CompiledMigration, isFirst: boolean): string[] {
  const all = direction === "up" ? migration.locks : migration.downLocks;
  const locks = all.filter(({ mode }) => blockedBy(mode) !== undefined);
  if (isFirst && locks.length < 2) return [];
  const [first, ...others] = locks.map(({ table, mode }) => `LOCK TABLE ${pg.escapeIdentifier(table)} IN ${mode} MODE`);
  if (first === undefined) return [];
  const hurry = `SET LOCAL lock_timeout TO '${hurriedMs}ms'`;
  return isFirst ? [first, hurry, ...others] : [hurry, first, ...others];
}

const hurriedMs = 100;

export interface BatchTenant {
  readonly tenantId: number;
  /** Knex's number of its last batch. */
  readonly batch: number;
}

/** Simple protocol, so one transaction and one round trip: what it is held against, the statements, the records. */
export function batchOf({ tenantId, batch }: BatchTenant, step: Step, runId: string | undefined): string {
  const { body, needsPartitions } = textOf(step);
  const run = runId === undefined ? "NULL" : pg.escapeLiteral(runId);
  const next = (step.lastBatch ?? batch) + 1;
  const begun = step.direction === "up" && step.migrations.length > 0 ? next : "NULL";
  return [
    `SELECT public.begin_tenant_migration(${tenantId}, ${pg.escapeLiteral(step.from)})`,
    searchPathStatement(tenantId),
    ...(step.migrations.length === 0 ? [] : [body, recordStatement(step, next)]),
    ...(needsPartitions ? [partitionStatement(tenantId)] : []),
    `SELECT public.end_tenant_migration(${tenantId}, ${pg.escapeLiteral(step.to)}, ${begun}, ${run})`,
  ].join(";\n");
}

/** Statements of a batch before the step's own. */
const before = 2;

/** `completed`: how many statements of the batch had been answered when the error came. PostgreSQL's detail, a row, stays out. */
export function describeFailure(error: unknown, step: Step, completed: number): ResultError {
  const e = error as Partial<pg.DatabaseError> & Error;
  const place = textOf(step).places[completed - before];
  const subject = [e.table, e.column, e.constraint].filter((part) => part !== undefined).join(" ");
  return {
    code: e.code ?? "failed",
    message: e.message,
    ...place,
    ...(subject === "" ? {} : { detail: subject }),
  };
}
