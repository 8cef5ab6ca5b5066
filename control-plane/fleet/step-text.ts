/** A step as the one message that does it, and where in it something went wrong. */
import pg from "pg";
import { partitionStatement, searchPathStatement } from "../../core/migrations/tenant-schema.ts";
import type { ResultError } from "./run-store.ts";
import { recordStatement, type Step } from "./step.ts";

/** Constant for all tenants of a step: its statements joined, and how many there are. */
export interface StepText {
  readonly body: string;
  readonly statements: readonly { readonly migration: string; readonly number: number; readonly sql: string }[];
  readonly needsPartitions: boolean;
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
  const statements = step.migrations.flatMap(({ name, statements: up, downStatements: down }) =>
    (step.direction === "up" ? up : down).map((sql, i) => ({ migration: name, number: i + 1, sql })),
  );
  return {
    body: statements.map(({ sql }) => sql).join(";\n"),
    statements,
    needsPartitions: step.direction === "up" && statements.some(({ sql }) => /\bPARTITION\s+BY\b/i.test(sql)),
  };
}

/** Statements of a batch before the step's own. */
const before = 2;

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

/** `completed`: how many statements of the batch had been answered when the error came. PostgreSQL's detail, a row, stays out. */
export function describeFailure(error: unknown, step: Step, completed: number): ResultError {
  const e = error as Partial<pg.DatabaseError> & Error;
  const at = textOf(step).statements[completed - before];
  const place = at === undefined ? {} : { migration: at.migration, statement: at.number, sql: at.sql.slice(0, 200) };
  const subject = [e.table, e.column, e.constraint].filter((part) => part !== undefined).join(" ");
  return {
    code: e.code ?? "failed",
    message: e.message,
    ...place,
    ...(subject === "" ? {} : { detail: subject }),
  };
}
