/**
 * A tenant whose step cannot be one message: scripts, and files whose statements take no transaction. Each file is recorded as it is
 * done, and until the end nobody may believe the version: who comes after a crash reads the schema's own record.
 */
import { openDatabase, sendBatch, type Knex } from "../../core/db.ts";
import { isServiceDown, reasonOf } from "../../core/errors.ts";
import { runScript, sendAlone, sendThrough } from "../../core/migrations/apply-migration.ts";
import type { CompiledMigration } from "../../core/migrations/compile.ts";
import { extensionSchema, partitionStatement } from "../../core/migrations/tenant-schema.ts";
import { unknownVersion } from "../../core/migrations/version.ts";
import { schemaName } from "../../core/tenant.ts";
import { isBusy, type LaneSettings, type Outcome } from "./migrate-tenant.ts";
import type { BatchTenant } from "./step-text.ts";
import { recordStatement, type Step } from "./step.ts";

export interface Pieces extends LaneSettings {
  readonly databaseUrl: string;
  readonly tenant: BatchTenant;
  readonly step: Step;
  readonly runId: string | undefined;
}

/** As Lane.migrate, on a connection of its own. @throws only what a lost server throws. */
export async function migrateByPieces(pieces: Pieces): Promise<Outcome> {
  const schema = schemaName(pieces.tenant.tenantId);
  const searchPath = [schema, extensionSchema];
  const db = openDatabase(pieces.databaseUrl, { name: "secretaria fleet", max: 1, searchPath });
  let file: string | undefined;
  try {
    await prepare(db, pieces, schema);
    for (const migration of pieces.step.migrations) {
      file = migration.name;
      await applyFile(db, pieces, migration);
    }
    await finish(db, pieces);
    return { status: "done", to: pieces.step.to };
  } catch (error) {
    const { code = "failed" } = error as { code?: string };
    if (code === "SE003") return { status: "moved" };
    if (isServiceDown(error)) throw error;
    const failure = { code, message: reasonOf(error), migration: file };
    return { status: isBusy(code) ? "busy" : "failed", error: failure };
  } finally {
    await db.destroy();
  }
}

async function prepare(db: Knex, { tenant, step, lockTimeoutMs, statementTimeoutMs }: Pieces, schema: string) {
  await db.raw("SELECT set_config('lock_timeout', ?, false), set_config('statement_timeout', ?, false)", [
    String(lockTimeoutMs),
    String(statementTimeoutMs),
  ]);
  // The session's, because several transactions follow; the one of begin_tenant_migration is the same lock again.
  await db.raw("SELECT pg_try_advisory_lock(hashtext('secretaria.migrate'), hashtext(?))", [schema]);
  await db.raw("SELECT public.begin_tenant_migration(?, ?)", [tenant.tenantId, step.from]);
  await db("public.tenant_versions").where({ tenant_id: tenant.tenantId }).update({ version: unknownVersion });
}

async function applyFile(db: Knex, { tenant, step }: Pieces, migration: CompiledMigration): Promise<void> {
  const { direction } = step;
  const record = recordStatement({ ...step, migrations: [migration] }, batchNumber(tenant, step));
  if (migration.isBatchable) {
    const statements = direction === "up" ? migration.statements : migration.downStatements;
    return sendBatch(db, [...statements, record]);
  }
  if (migration.isTransactional) {
    await db.transaction(async (trx) => {
      await runScript(trx, migration, direction);
      await trx.raw(record);
    });
    return;
  }
  if (migration.script !== undefined) await runScript(db, migration, direction);
  else await sendAlone(sendThrough(db), direction === "up" ? migration.statements : migration.downStatements);
  await db.raw(record);
}

async function finish(db: Knex, { tenant, step, runId }: Pieces): Promise<void> {
  if (step.direction === "up") await db.raw(partitionStatement(tenant.tenantId));
  const begun = step.direction === "up" ? batchNumber(tenant, step) : null;
  await db.raw("SELECT public.end_tenant_migration(?, ?, ?, ?)", [tenant.tenantId, step.to, begun, runId ?? null]);
}

const batchNumber = (tenant: BatchTenant, step: Step): number => (step.lastBatch ?? tenant.batch) + 1;
