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
  const record = step.migrations.length === 0 ? [] : [recordStatement(step)];
  return {
    body: [...statements.map(({ sql }) => sql), ...record].join(";\n"),
    statements,
    needsPartitions: step.direction === "up" && statements.some(({ sql }) => /\bPARTITION\s+BY\b/i.test(sql)),
  };
}

/** Statements before the step's own: see batchOf. */
const before = 2;

/** Simple protocol, so one transaction and one round trip: what it is held against, the statements, the records. */
export function batchOf(tenantId: number, step: Step, runId: string | undefined): string {
  const { body, needsPartitions } = textOf(step);
  const run = runId === undefined ? "NULL" : pg.escapeLiteral(runId);
  return [
    `SELECT public.begin_tenant_migration(${tenantId}, ${pg.escapeLiteral(step.from)})`,
    searchPathStatement(tenantId),
    ...(body === "" ? [] : [body]),
    ...(needsPartitions ? [partitionStatement(tenantId)] : []),
    `SELECT public.end_tenant_migration(${tenantId}, ${pg.escapeLiteral(step.to)}, ${run})`,
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
