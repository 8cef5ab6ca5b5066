/** Who still needs what a contract would take away. */
import type { Knex } from "../../../core/db.ts";
import { AppError } from "../../../core/errors.ts";
import type { SqlMigration } from "../../../core/migrations/sql-files.ts";

export type WindowMigration = Pick<SqlMigration, "name" | "window">;

/** How many there are, and the first ten of them. */
export interface Named {
  readonly count: number;
  readonly names: readonly string[];
}

export interface ContractBlocker {
  readonly migration: string;
  /** The expand that it comes after. */
  readonly after: string;
  /** Tenants that have not reached the expand. */
  readonly tenants: Named;
  /** Living processes that do not know the expand. */
  readonly processes: Named;
}

/** Contracts among these that may not run yet, in their order. One query for each contract, none without any. */
export async function contractBlockers(db: Knex, pending: readonly WindowMigration[]): Promise<ContractBlocker[]> {
  const blockers: ContractBlocker[] = [];
  for (const { name, after } of contractsOf(pending)) {
    const { rows } = await db.raw<{ rows: BlockerRow[] }>(blockerSql, { after });
    const { tenants = nobody, processes = nobody } = rows[0] ?? {};
    if (tenants.count + processes.count > 0) blockers.push({ migration: name, after, tenants, processes });
  }
  return blockers;
}

/**
 * Changes nothing. New tenants are made complete and never stand in the way.
 * @throws AppError `contract-too-early` for the first contract that may not run yet: who needs what, and what to do.
 */
export async function assertWindow(db: Knex, pending: readonly WindowMigration[]): Promise<void> {
  const [blocker] = await contractBlockers(db, pending);
  if (blocker !== undefined) throw new AppError("contract-too-early", explainBlocker(blocker, pending));
}

export const contractsOf = (pending: readonly WindowMigration[]): { name: string; after: string }[] =>
  pending.flatMap(({ name, window }) => (window?.step === "contract" ? [{ name, after: window.after }] : []));

function explainBlocker(
  { migration, after, tenants, processes }: ContractBlocker,
  pending: readonly WindowMigration[],
): string {
  const before = pending[pending.findIndex(({ name }) => name === migration) - 1]?.name;
  const reasons = [
    ...(tenants.count > 0
      ? [`${counted(tenants, "tenant has", "tenants have")} not reached ${after}: ${list(tenants)}`]
      : []),
    ...(processes.count > 0
      ? [`${counted(processes, "process does", "processes do")} not know it: ${list(processes)}`]
      : []),
  ];
  const remedies = [
    ...(processes.count > 0 ? ["Replace those processes by a release that knows it"] : []),
    ...(tenants.count > 0 ? ["bring all tenants there in a run of its own"] : []),
  ];
  const stop = before === undefined ? "" : ` What comes before it can run now: --to ${before}.`;
  return `${migration} takes away what releases before ${after} still use. ${reasons.join("; ")}. ${capital(remedies.join(", and "))}.${stop}`;
}

const counted = ({ count }: Named, one: string, more: string): string => `${count} ${count === 1 ? one : more}`;
const list = ({ count, names }: Named): string => `${names.join(", ")}${count > names.length ? ", …" : ""}`;
const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

interface BlockerRow {
  readonly tenants: Named;
  readonly processes: Named;
}

const nobody: Named = { count: 0, names: [] };

// Version by version, for which the index serves; where nobody is older no tenant's row is read.
const blockerSql = `
  WITH older AS MATERIALIZED (SELECT version FROM fleet_versions WHERE is_behind(version, :after))
  SELECT json_build_object('count', coalesce((SELECT sum(n) FROM older, LATERAL (
      SELECT count(*) AS n FROM tenant_versions v WHERE v.version = older.version) AS counted), 0), 'names', array(
    SELECT format('tenant_%s (%s, at %s)', v.tenant_id, coalesce(c.slug, 'made ahead'), split_part(older.version, ' ', 1))
    FROM older CROSS JOIN LATERAL (
      SELECT tenant_id FROM tenant_versions v WHERE v.version = older.version ORDER BY tenant_id LIMIT 10) AS v
    LEFT JOIN companies c ON c.id = v.tenant_id ORDER BY v.tenant_id LIMIT 10)) AS tenants,
  json_build_object('count', (SELECT count(*) FROM living_processes WHERE is_behind(version, :after)), 'names', array(
    SELECT format('%s %s (%s, knows %s)', kind, release, left(id::text, 8), split_part(version, ' ', 1))
    FROM living_processes WHERE is_behind(version, :after) ORDER BY kind, started_at LIMIT 10)) AS processes`;
