import { expect } from "chai";
import { askForRenewals } from "../control-plane/lifecycle/upkeep/housekeeping.ts";
import { listDue } from "../control-plane/lifecycle/sweep.ts";
import { usePlatform } from "./support/platform.ts";
import { operationSucceeds } from "./support/tenant-waits.ts";
import { until } from "./support/wait.ts";

describe("the sweep", () => {
  const platform = usePlatform({ workers: true });

  const provision = async () => {
    const tenant = await platform.createTenant();
    await tenant.becomesReady();
    return tenant;
  };
  const dueRows = (id: number) =>
    platform.query("SELECT name, status FROM tenant_resources WHERE company_id = $1 AND next_attempt_at IS NOT NULL", [
      id,
    ]);

  it("finds nothing to do for a company at its goal, after every change of that goal", async () => {
    const { id, path } = await provision();
    expect(await dueRows(id)).to.deep.equal([]);
    for (const what of ["suspend", "resume", "retry", "suspend"]) {
      // Left by an earlier aim: parked rows whose time comes.
      await platform.query(
        "UPDATE tenant_resources SET next_attempt_at = now() - interval '1 second' WHERE company_id = $1",
        [id],
      );
      const answer = await platform.api.post(`${path}/${what}`);
      expect(answer.status).to.equal(202);
      await operationSucceeds(platform.api, answer.headers.get("location") as string);
      await until(
        () => dueRows(id),
        (rows) => rows.length === 0,
        { what: `nothing due after ${what}` },
      );
    }
    expect(await listDue(platform.ctx, 10, [])).not.to.include(id);
  });

  it("heals once the rows that are due though they are at their goal", async () => {
    const { id } = await provision();
    await platform.query("UPDATE tenant_resources SET next_attempt_at = now() WHERE company_id = $1", [id]);
    await until(
      () => dueRows(id),
      (rows) => rows.length === 0,
      { what: "healing" },
    );
  });

  it("renews only certificates with less than a third of their life left", async () => {
    const tenant = await provision();
    const { id } = tenant;
    expect(await askForRenewals(platform.ctx)).to.equal(0);
    const serial = async () =>
      (
        await platform.query<{ serial: string }>(
          "SELECT serial FROM certificates WHERE company_id = $1 ORDER BY id DESC",
          [id],
        )
      )[0]?.serial;
    const first = await serial();
    await platform.query(
      "UPDATE certificates SET not_before = now() - interval '80 days', not_after = now() + interval '10 days' WHERE company_id = $1",
      [id],
    );
    expect(await askForRenewals(platform.ctx)).to.equal(1);
    await until(serial, (current) => current !== first, { what: "a new certificate" });
    const audited = "SELECT actor FROM audit_log WHERE company_id = $1 AND action = 'certificate.renewal-started'";
    expect(await platform.query(audited, [id])).to.deep.equal([{ actor: "system" }]);
    await tenant.becomesReady();
  });
});
