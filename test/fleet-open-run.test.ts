/** One run is open at a time: who comes second is told which, also when both came at once. */
import { expect } from "chai";
import { abortRun, retryFailed } from "../control-plane/fleet/change-run.ts";
import { startRun } from "../control-plane/fleet/plan-run.ts";
import { openFleet, type TestFleet } from "./support/fleet.ts";
import { until } from "./support/wait.ts";

describe("a second run", () => {
  let fleet: TestFleet;
  before(async () => {
    fleet = await openFleet(1);
    fleet.write(
      "0002_tags.sql",
      "ALTER TABLE customers ADD COLUMN tags text",
      "ALTER TABLE customers DROP COLUMN tags",
    );
  });
  after(() => fleet.close());

  /** Begins the second one while the first one is not committed yet; answers the first one's id and how the other ended. */
  const race = async (second: () => Promise<unknown>) => {
    const ended: Promise<unknown>[] = [];
    const id = await fleet.ctx.db.transaction(async (trx) => {
      const started = await startRun({ ...fleet.ctx, db: trx }, {}, "test");
      ended.push(second().catch((error: unknown) => error));
      const waiting = "SELECT FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted";
      await until(
        () => fleet.query(waiting),
        (rows) => rows.length > 0,
        { what: "a second one that waits" },
      );
      return started;
    });
    return { id, refusal: await ended[0] };
  };
  const refusalOf = (id: string) => ({
    code: "run-open",
    message: `run ${id} is running: let it end, resume it, or abort it`,
    instance: `/api/migration-runs/${id}`,
  });

  it("that starts is told of the first", async () => {
    const { id, refusal } = await race(() => startRun(fleet.ctx, {}, "test"));
    expect(refusal).to.deep.include(refusalOf(id));
    const late = await startRun(fleet.ctx, {}, "test").catch((error: unknown) => error);
    expect(late).to.deep.include(refusalOf(id));
    await abortRun(fleet.ctx, id, "test");
  });

  it("that had ended and is tried again is told of the first", async () => {
    const ended = await startRun(fleet.ctx, {}, "test");
    await abortRun(fleet.ctx, ended, "test");
    const { id, refusal } = await race(() => retryFailed(fleet.ctx, ended, "test"));
    expect(refusal).to.deep.include(refusalOf(id));
  });
});
