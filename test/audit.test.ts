import { expect } from "chai";
import { newCompany } from "./support/api-client.ts";
import { usePlatform } from "./support/platform.ts";

describe("the audit log", () => {
  const platform = usePlatform();

  /** Rows whose hash does not follow from themselves and the row before. */
  const broken = () =>
    platform.query<{ id: number }>(
      `SELECT id::int FROM (SELECT a.*, a AS entry, lag(hash, 1, '') OVER (ORDER BY id) AS before FROM audit_log a) AS chain
       WHERE previous_hash <> before OR hash <> audit_row_hash(entry) ORDER BY id`,
    );

  it("holds who did what to which company, chained in order, also when many write at once", async () => {
    await Promise.all(
      Array.from({ length: 8 }, () =>
        platform.api.post("/api/tenants/provision", newCompany(), { Prefer: "respond-async" }),
      ),
    );
    const rows = await platform.query<{
      action: string;
      actor: string;
      company_id: string | null;
      correlation_id: string | null;
    }>("SELECT * FROM audit_log WHERE action = 'tenant.requested'");
    expect(rows).to.have.length(8);
    for (const row of rows) {
      expect(row.actor).to.match(/^user:\d+$/);
      expect(row.correlation_id).to.be.a("string");
    }
    expect(await broken()).to.deep.equal([]);
  });

  it("can only grow", async () => {
    for (const change of ["UPDATE audit_log SET actor = 'me'", "DELETE FROM audit_log", "TRUNCATE audit_log"]) {
      const refusal = await platform.query(change).catch((error: Error) => error.message);
      expect(refusal, change).to.equal("audit_log is append-only");
    }
  });

  it("shows a row that was changed behind its back", async () => {
    await platform.query("ALTER TABLE audit_log DISABLE TRIGGER audit_log_append_only");
    await platform.query(`UPDATE audit_log SET data = data || '{"slug": "other"}' WHERE id = 3`);
    await platform.query("ALTER TABLE audit_log ENABLE TRIGGER audit_log_append_only");
    expect(await broken()).to.deep.equal([{ id: 3 }]);
  });
});
