/** One tenant, one message, one transaction. */
import pg from "pg";
import { connectionSettings } from "../../core/db.ts";
import { isServiceDown } from "../../core/errors.ts";
import type { ResultError } from "./run-store.ts";
import { batchOf, describeFailure, type BatchTenant } from "./step-text.ts";
import type { Step } from "./step.ts";

export type Outcome =
  | { readonly status: "done"; readonly to: string }
  /** Somebody works there, or another process migrates it: nothing was changed, and later it will go. */
  | { readonly status: "busy"; readonly error: ResultError }
  /** It has another version by now than the step starts from. */
  | { readonly status: "moved" }
  | { readonly status: "failed"; readonly error: ResultError };

export interface LaneSettings {
  readonly lockTimeoutMs: number;
  readonly statementTimeoutMs: number;
}

/** Lock not available; deadlock; serialization; another migration. */
const busyCodes = new Set(["55P03", "40P01", "40001", "SE002"]);

/** True where somebody else was in the way, and nothing is wrong. */
export const isBusy = (code: string): boolean => busyCodes.has(code);

/** A connection that migrates one tenant after the other. */
export class Lane {
  readonly #client: pg.Client;
  #completed = 0;
  /** Tenants that its server process has met: it keeps what it read of each. */
  uses = 0;
  isLost = false;

  private constructor(client: pg.Client) {
    this.#client = client;
    client.on("error", () => (this.isLost = true));
    client.on("end", () => (this.isLost = true));
    // Node-postgres tells nobody how far a text of several statements got.
    const { connection } = client as unknown as { connection: NodeJS.EventEmitter };
    connection.on("commandComplete", () => (this.#completed += 1));
  }

  /** @throws what a lost server throws. */
  static async open(databaseUrl: string, settings: LaneSettings): Promise<Lane> {
    const client = new pg.Client({
      ...connectionSettings(databaseUrl, { name: "secretaria fleet" }),
      lock_timeout: settings.lockTimeoutMs,
      statement_timeout: settings.statementTimeoutMs,
    });
    const lane = new Lane(client);
    await client.connect();
    await client.query(lazyCommits);
    await client.query(yieldInDeadlocks).catch(() => undefined);
    return lane;
  }

  /** @throws only what a lost server throws: then it is not known whether the tenant was migrated, and asking again tells. */
  async migrate(tenant: BatchTenant, step: Step, runId: string | undefined): Promise<Outcome> {
    this.uses += 1;
    this.#completed = 0;
    try {
      await this.#client.query(batchOf(tenant, step, runId));
      return { status: "done", to: step.to };
    } catch (error) {
      const code = (error as { code?: string }).code ?? "";
      if (code === "SE003") return { status: "moved" };
      if (isServiceDown(error) || this.isLost) throw error;
      const failure = describeFailure(error, step, this.#completed);
      return { status: isBusy(code) ? "busy" : "failed", error: failure };
    }
  }

  async close(): Promise<void> {
    await this.#client.end().catch(() => undefined);
  }
}

/**
 * Whoever looks first breaks a deadlock, at its own cost: a migration is tried again, a request of a tenant would fail.
 * Only for superusers and those it was granted to; others have the server's own second.
 */
const yieldInDeadlocks = "SET deadlock_timeout TO '50ms'";

/**
 * A crash of the server may take back the last moments' tenants, schema and record together, and the run, whose end is a
 * durable commit after all of theirs, does them again.
 */
const lazyCommits = "SET synchronous_commit TO off";
