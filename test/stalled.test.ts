/** A control plane that stalls in the middle of its work, as a virtual machine that is moved: others must get on. */
import { expect } from "chai";
import { isServiceDown } from "../core/errors.ts";
import { usePlatform } from "./support/platform.ts";
import { until } from "./support/wait.ts";

describe("a control plane that stalls", () => {
  const platform = usePlatform({ config: { LEASE_SECONDS: 1 } });

  it("in a transaction loses its locks after three leases, and sees the database down", async () => {
    const { id, name, path } = await platform.createTenant();
    const { db } = platform.ctx;
    const stalled = await db.transaction();
    await stalled("companies").where({ id }).forUpdate().first("id");
    const isFree = () =>
      platform
        .query("SELECT 1 FROM companies WHERE id = $1 FOR UPDATE NOWAIT", [id])
        .then(() => true)
        .catch(() => false);
    expect(await isFree()).to.equal(false);
    await until(isFree, Boolean, { what: "the lock's end" });

    const late: unknown = await stalled("companies")
      .where({ id })
      .update({ name: "tarde demais" })
      .then(
        () => undefined,
        (error: unknown) => error,
      );
    expect(isServiceDown(late), String(late)).to.equal(true);
    await stalled.rollback().catch(() => undefined);
    const [row] = await platform.query("SELECT name FROM companies WHERE id = $1", [id]);
    expect(row?.["name"]).to.equal(name);
    expect((await platform.api.get(path)).status).to.equal(200);
  });
});
