/** A control plane that stalls in the middle of its work, as a virtual machine that is moved: others must get on. */
import { expect } from "chai";
import { isServiceDown } from "../core/errors.ts";
import { newCompany } from "./support/api-client.ts";
import { usePlatform } from "./support/platform.ts";
import { until } from "./support/wait.ts";

describe("a control plane that stalls", () => {
  const platform = usePlatform({ config: { LEASE_SECONDS: 1 } });

  it("in a transaction keeps nothing locked: its locks go after three leases, and it is told that the database was away", async () => {
    const { body } = await platform.api.post("/api/tenants/provision", newCompany());
    const { db } = platform.ctx;
    const stalled = await db.transaction();
    await stalled("companies").where({ id: body.tenant.id }).forUpdate().first("id");
    const isFree = () =>
      platform
        .query("SELECT 1 FROM companies WHERE id = $1 FOR UPDATE NOWAIT", [body.tenant.id])
        .then(() => true)
        .catch(() => false);
    expect(await isFree()).to.equal(false);
    await until(isFree, Boolean, { what: "the lock's end" });

    const late: unknown = await stalled("companies")
      .where({ id: body.tenant.id })
      .update({ name: "tarde demais" })
      .then(
        () => undefined,
        (error: unknown) => error,
      );
    expect(isServiceDown(late), String(late)).to.equal(true);
    await stalled.rollback().catch(() => undefined);
    const [row] = await platform.query("SELECT name FROM companies WHERE id = $1", [body.tenant.id]);
    expect(row?.["name"]).to.equal(body.tenant.name);
    expect((await platform.api.get(`/api/tenants/${body.tenant.id}`)).status).to.equal(200);
  });
});
