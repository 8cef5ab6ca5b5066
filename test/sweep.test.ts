import { expect } from "chai";
import { askForRenewals } from "../control-plane/lifecycle/upkeep/housekeeping.ts";
import { listDue } from "../control-plane/lifecycle/sweep.ts";
import { newCompany } from "./support/api-client.ts";
import { usePlatform } from "./support/platform.ts";
import { until } from "./support/wait.ts";

describe("the sweep", () => {
  const platform = usePlatform({ workers: true });

  const provision = async () => {
    const { body } = await platform.api.post("/api/tenants/provision", newCompany());
    const path = `/api/tenants/${body.tenant.id}`;
    await until(
      () => platform.api.get(path),
      (answer) => answer.body.resources.every((row: { status: string }) => row.status === "ready"),
    );
    return { id: body.tenant.id as number, path };
  };
  const dueRows = (id: number) =>
    platform.query("SELECT name, status FROM tenant_resources WHERE company_id = $1 AND next_attempt_at IS NOT NULL", [
      id,
    ]);

  it("finds nothing to do for a company at its goal, after every change of what is wanted", async () => {
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
      const operation = answer.headers.get("location") as string;
      await until(
        () => platform.api.get(operation),
        ({ body }) => body.status === "succeeded",
        { what },
      );
      await until(
        () => dueRows(id),
        (rows) => rows.length === 0,
        { what: `nothing due after ${what}` },
      );
    }
    expect(await listDue(platform.ctx, 10, [])).not.to.include(id);
  });

  it("heals rows that are due though they are at their goal, instead of coming back for ever", async () => {
    const { id } = await provision();
    await platform.query("UPDATE tenant_resources SET next_attempt_at = now() WHERE company_id = $1", [id]);
    await until(
      () => dueRows(id),
      (rows) => rows.length === 0,
      { what: "healing" },
    );
  });

  it("renews a certificate with less than a third of its life left, and leaves the others", async () => {
    const { id, path } = await provision();
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
    await until(
      () => platform.api.get(path),
      ({ body }) => body.resources.every((row: { status: string }) => row.status === "ready"),
    );
  });
});
