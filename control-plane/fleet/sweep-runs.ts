/** Takes over runs whose coordinator is gone, and coordinates those that were started through the API. */
import { messageOf } from "../../core/errors.ts";
import { readMigrations } from "../../core/migrations/sql-files.ts";
import { filesOfVersion, versionOf } from "../../core/migrations/version.ts";
import { coordinate } from "./coordinate.ts";
import type { FleetContext } from "./fleet-context.ts";

export interface RunSweep {
  /** Hands a run over that this process coordinates, and stops looking. */
  close(): Promise<void>;
}

export function startRunSweep(ctx: FleetContext, seconds: number): RunSweep {
  const closing = new AbortController();
  let running: Promise<void> | undefined;
  const look = async () => {
    const free = await findFreeRun(ctx);
    if (free === undefined || closing.signal.aborted) return;
    const run = await coordinate(ctx, free, { signal: closing.signal });
    ctx.log.info(
      { runId: run.id, status: run.status, reason: run.pause_reason ?? undefined },
      "a migration run stands",
    );
  };
  const timer = setInterval(() => {
    running ??= look()
      .catch((error: unknown) => ctx.log.warn({ reason: messageOf(error) }, "migration runs could not be looked at"))
      .finally(() => (running = undefined));
  }, seconds * 1000);
  return {
    async close() {
      closing.abort();
      clearInterval(timer);
      await running;
    },
  };
}

/**
 * A running run that nobody coordinates, or that waits for this process. One of a newer release is not for this process: it has
 * not the files that lead there, or back.
 */
export async function findFreeRun({ db, instance }: FleetContext): Promise<string | undefined> {
  const all = readMigrations("tenant");
  const { rows } = await db.raw<{ rows: { id: string; target: string | null }[] }>(
    `SELECT m.id, m.target FROM migration_runs m
     WHERE m.status = 'running' AND (m.lease_expires_at <= now() OR m.coordinator = :instance)
       AND NOT EXISTS (SELECT FROM migration_results r WHERE r.run_id = m.id AND r.status = 'waiting'
                       AND is_behind(:head, r.from_version))`,
    { instance, head: versionOf(all) },
  );
  return rows.find(({ target }) => target === null || filesOfVersion(all, target) !== undefined)?.id;
}
