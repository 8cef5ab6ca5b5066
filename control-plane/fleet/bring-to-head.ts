import type { Knex } from "../../core/db.ts";
import { ResourceError } from "../../core/errors.ts";
import { compiledMigrations } from "../../core/migrations/compile.ts";
import { registryStatement, type SchemaOwner } from "../../core/migrations/tenant-schema.ts";
import { tenantVersion, unknownVersion } from "../../core/migrations/version.ts";
import { migrateByPieces } from "./migrate-by-pieces.ts";
import { Lane, type Outcome } from "./migrate-tenant.ts";
import { NoWay, StepFinder, type Step } from "./step.ts";

const settings = { lockTimeoutMs: 2_000, statementTimeoutMs: 600_000 };

/**
 * One tenant by itself, by the schema's own record of what was applied: what provisioning, repair and the warm pool call. Answers
 * the names that were applied.
 * @throws ResourceError `transient` while somebody works there, `permanent` when a migration fails, `conflict` when a newer
 * release was at it; what a lost server throws.
 */
export async function bringToHead(
  { db, databaseUrl }: { readonly db: Knex; readonly databaseUrl: string },
  tenant: SchemaOwner,
): Promise<readonly string[]> {
  const steps = new StepFinder(await compiledMigrations("tenant"), { direction: "up", target: await tenantVersion() });
  for (;;) {
    const { version, batch } = await readVersion(db, tenant);
    const step = await findStep(db, { steps, tenant, version });
    const outcome = await migrate(databaseUrl, { tenantId: tenant.id, batch }, step);
    if (outcome.status === "done") return step.migrations.map(({ name }) => name);
    if (outcome.status === "moved") continue;
    const { code, message, migration } = outcome.error;
    const where = migration === undefined ? "" : `${migration}: `;
    throw new ResourceError(
      outcome.status === "busy" ? "transient" : "permanent",
      `migration-${outcome.status}`,
      `${where}${message} (${code})`,
    );
  }
}

/** Of a schema that the registry lost, as when it came from a backup, the row is made anew. */
async function readVersion(db: Knex, tenant: SchemaOwner): Promise<{ version: string; batch: number }> {
  const row = await db("tenant_versions").where({ tenant_id: tenant.id }).first("version", "batch");
  if (row !== undefined) return row;
  await db.raw(registryStatement(tenant, unknownVersion));
  return { version: unknownVersion, batch: 1 };
}

interface Question {
  readonly steps: StepFinder;
  readonly tenant: SchemaOwner;
  readonly version: string;
}

async function findStep(db: Knex, { steps, tenant, version }: Question): Promise<Step> {
  try {
    return await steps.lookUp(db, tenant.id, version);
  } catch (error) {
    if (error instanceof NoWay) throw new ResourceError("conflict", error.code, error.message);
    throw error;
  }
}

async function migrate(databaseUrl: string, tenant: { tenantId: number; batch: number }, step: Step): Promise<Outcome> {
  if (!step.migrations.every(({ isBatchable }) => isBatchable))
    return migrateByPieces({ ...settings, databaseUrl, tenant, step, runId: undefined });
  const lane = await Lane.open(databaseUrl, settings);
  try {
    return await lane.migrate(tenant, step, undefined);
  } finally {
    await lane.close();
  }
}
