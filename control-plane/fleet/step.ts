/** What takes a schema from one version to another: worked out once for each version that is found, not once a tenant. */
import pg from "pg";
import type { Knex } from "../../core/db.ts";
import type { CompiledMigration } from "../../core/migrations/compile.ts";
import { filesOfVersion, versionOf } from "../../core/migrations/version.ts";
import { schemaName } from "../../core/tenant.ts";
import { filesToRun, type Destination } from "./run-target.ts";

export interface Step {
  readonly from: string;
  readonly to: string;
  readonly direction: "up" | "down";
  /** In the order they are run: newest first on the way down. */
  readonly migrations: readonly CompiledMigration[];
  /** Knex's number of the schema's last batch, where it had to be looked up. */
  readonly lastBatch?: number;
}

/** Why there is no way from where a tenant is: the history is another release's, or was edited. */
export class NoWay extends Error {
  override readonly name = "NoWay";
  readonly code: "history-unknown" | "newer-release";
  constructor(code: NoWay["code"], message: string) {
    super(message);
    this.code = code;
  }
}

/** Answers steps; remembers those that follow from the version alone. */
export class StepFinder {
  readonly #all: readonly CompiledMigration[];
  readonly #destination: Destination;
  readonly #known = new Map<string, Step>();

  constructor(all: readonly CompiledMigration[], destination: Destination) {
    this.#all = all;
    this.#destination = destination;
  }

  /** @throws NoWay; what a lost server throws. */
  async find(db: Knex, tenantId: number, from: string): Promise<Step> {
    const known = this.#known.get(from);
    if (known !== undefined) return known;
    const has = this.#destination.target === null ? undefined : filesOfVersion(this.#all, from);
    // The schema's own record is asked each time: batches differ, and of an unknown version nothing follows.
    if (has === undefined) return this.lookUp(db, tenantId, from);
    const step = this.#between(from, has);
    this.#known.set(from, step);
    return step;
  }

  /** By the schema's own record, whatever the version says. @throws as find. */
  async lookUp(db: Knex, tenantId: number, from: string): Promise<Step> {
    const rows: { name: string; batch: number }[] = await db
      .withSchema(schemaName(tenantId))
      .from("knex_migrations")
      .orderBy("id")
      .select("name", "batch");
    const byName = new Map(this.#all.map((migration) => [migration.name, migration]));
    const foreign = rows.filter(({ name }) => !byName.has(name)).map(({ name }) => name);
    if (foreign.length > 0)
      throw new NoWay("newer-release", `${foreign.join(", ")} was applied and is not among this release's migrations`);
    const lastBatch = Math.max(0, ...rows.map(({ batch }) => batch));
    const applied = new Set(rows.map(({ name }) => name));
    const has = this.#all.filter(({ name }) => applied.has(name));
    if (this.#destination.target !== null) return { ...this.#between(from, has), lastBatch };
    const undone = new Set(rows.filter(({ batch }) => batch === lastBatch).map(({ name }) => name));
    const migrations = has.filter(({ name }) => undone.has(name));
    return this.#undo(from, has, migrations);
  }

  #between(from: string, has: readonly CompiledMigration[]): Step {
    const { direction, target } = this.#destination;
    const migrations = filesToRun(this.#all, { direction, target: target ?? "" }, has);
    if (migrations === undefined)
      throw new NoWay("history-unknown", `this release does not know version ${target ?? ""}`);
    if (direction === "down") return this.#undo(from, has, migrations);
    const reached = this.#all.filter((migration) => has.includes(migration) || migrations.includes(migration));
    return { from, to: versionOf(reached), direction, migrations };
  }

  #undo(from: string, has: readonly CompiledMigration[], undone: readonly CompiledMigration[]): Step {
    const left = has.filter((migration) => !undone.includes(migration));
    return { from, to: versionOf(left), direction: "down", migrations: undone.toReversed() };
  }
}

/** Knex's record of what the step does, in the same transaction. */
export function recordStatement({ direction, migrations }: Step, batch: number): string {
  const names = migrations.map(({ name }) => pg.escapeLiteral(name));
  if (direction === "down") return `DELETE FROM knex_migrations WHERE name IN (${names.join(", ")})`;
  const rows = names.map((name) => `(${name}, ${batch}, now())`).join(", ");
  return `INSERT INTO knex_migrations (name, batch, migration_time) VALUES ${rows}`;
}
