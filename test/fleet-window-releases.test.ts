/** Two releases serve one company side by side while its schema goes from the older one's to the newer one's. */
import { expect } from "chai";
import { startRun } from "../control-plane/fleet/plan-run.ts";
import { findRun } from "../control-plane/fleet/run-store.ts";
import type { RunRequest } from "../control-plane/fleet/run-options.ts";
import { useMigrationFolders } from "../core/migrations/folders.ts";
import { readMigrations } from "../core/migrations/sql-files.ts";
import { usePlatform } from "./support/platform.ts";
import { makeRelease, type Release, type RunningRuntime } from "./support/release.ts";
import { openCompany, type Company } from "./support/runtime-client.ts";
import { until } from "./support/wait.ts";

const [expand, contract] = ["4001_remarks.sql", "4002_no_notes.sql"];
const expandText = `-- why: remarks take the place of notes
-- expand
-- up
ALTER TABLE customers ADD COLUMN remarks text;
UPDATE customers SET remarks = notes WHERE notes IS NOT NULL;
-- down
ALTER TABLE customers DROP COLUMN remarks;
`;
const contractText = `-- why: nobody reads notes any more
-- contract: ${expand}
-- up
ALTER TABLE customers DROP COLUMN notes;
-- down
ALTER TABLE customers ADD COLUMN notes text;
`;

describe("a release after another", function releases() {
  this.timeout(120_000);
  const old = readMigrations("tenant").at(-1)?.name ?? "";
  let older: Release;
  let newer: Release;
  before(() => {
    older = makeRelease("1.0.0");
    newer = makeRelease("1.1.0");
    newer.write(`migrations/tenant/${expand}`, expandText);
    newer.write(`migrations/tenant/${contract}`, contractText);
    // It does without the column, so it runs before the expand, between the two, and after the contract.
    newer.replace("tenant-runtime/modules/customers/customer-store.ts", '"document", "notes", ', '"document", ');
    useMigrationFolders("tenant", [newer.migrations]);
  });
  // The control plane is of the newer release.
  const platform = usePlatform({ workers: true, config: { PROCESS_HEARTBEAT_SECONDS: 0.2 } });
  let company: Company;
  let n: RunningRuntime;
  let nMinus1: RunningRuntime;
  before(async () => {
    company = await openCompany(platform);
    expect((await migrate({ direction: "down", to: old })).status).to.equal("succeeded");
    [nMinus1, n] = await Promise.all([older.startRuntime(platform), newer.startRuntime(platform)]);
  });
  after(async () => {
    await Promise.all([n?.stop(), nMinus1?.stop()]);
    useMigrationFolders("tenant", undefined);
    older.remove();
    newer.remove();
  });

  const migrate = async (request: RunRequest) => {
    const id = await startRun(platform.ctx, request, "test");
    return until(
      async () => (await findRun(platform.ctx.db, id))!,
      ({ finished_at }) => finished_at !== null,
      { what: "the run's end" },
    );
  };
  const versionOfCompany = async () => {
    const sql = "SELECT split_part(version, ' ', 1) AS file FROM tenant_versions WHERE tenant_id = $1";
    return (await platform.query<{ file: string }>(sql, [company.id]))[0]?.file;
  };
  /** What each kind of request got from one runtime: statuses of reading and of writing. */
  const tryAll = async ({ ask }: RunningRuntime): Promise<number[]> => {
    const { api, token } = company;
    const made = await ask(api, "POST /v1/customers", { token, body: { name: "Ana" } });
    const read = await ask(api, "GET /v1/customers?limit=5", { token });
    const one = await ask(api, `GET /v1/customers/${made.body.id}`, { token });
    return [made.status, read.status, one.status];
  };
  const allWell = [201, 200, 200];
  /** Keeps asking these runtimes while something is done; the answers that were not as they should be. */
  const whileAsked = async (runtimes: readonly RunningRuntime[], act: () => Promise<unknown>) => {
    const bad: number[][] = [];
    let rounds = 0;
    const over = new AbortController();
    const asking = runtimes.map(async (runtime) => {
      while (!over.signal.aborted) {
        const statuses = await tryAll(runtime);
        rounds += 1;
        if (statuses.join() !== allWell.join()) bad.push(statuses);
      }
    });
    const some = until(
      () => Promise.resolve(rounds),
      (count) => count > 4,
      { what: "some requests" },
    );
    try {
      await some;
      await act();
      const enough = rounds + 4;
      await until(
        () => Promise.resolve(rounds),
        (count) => count > enough,
        { what: "more requests" },
      );
    } finally {
      over.abort();
      await Promise.all(asking);
    }
    return bad;
  };

  it("serves a company that is one expand behind it, beside the older one", async () => {
    expect(await versionOfCompany()).to.equal(old);
    expect(await tryAll(n)).to.deep.equal(allWell);
    expect(await tryAll(nMinus1)).to.deep.equal(allWell);
  });

  it("loses no request of either release when the company goes one expand ahead", async () => {
    const bad = await whileAsked([n, nMinus1], () => migrate({ to: expand }));
    expect(await versionOfCompany()).to.equal(expand);
    expect(bad).to.deep.equal([]);
  });

  it("is told which processes are in the way of the contract", async () => {
    const error = await startRun(platform.ctx, {}, "test").then(
      () => expect.fail("the contract was allowed"),
      (refusal: Error & { code?: string }) => refusal,
    );
    expect(error.code).to.equal("contract-too-early");
    expect(error.message).to.match(
      new RegExp(`1 process does not know it: runtime 1\\.0\\.0 \\(\\w{8}, knows ${old}\\)`),
    );
    expect(error.message).to.include(`${contract} takes away`).and.not.include("tenants have");
  });

  it("loses no request when the contract runs, once the older release is gone", async () => {
    await nMinus1.stop();
    const bad = await whileAsked([n], () => migrate({}));
    expect(await versionOfCompany()).to.equal(contract);
    expect(bad).to.deep.equal([]);
  });

  it("keeps the older release from starting, which says why, until the undo", async () => {
    const refused = await older.startRuntime(platform).then(
      () => expect.fail("it started"),
      (error: Error) => error,
    );
    expect(refused.message).to.include("could not start").and.include(`Start a release that knows ${expand}`);
    expect((await migrate({ direction: "down", to: expand })).status).to.equal("succeeded");
    nMinus1 = await older.startRuntime(platform);
    expect(await tryAll(nMinus1)).to.deep.equal(allWell);
  });
});
