/** Fifty requests at the same moment, of one control plane and of two: who wins, and what the others are told. */
import { expect } from "chai";
import { newCompany, type Answer, type ApiClient } from "./support/api-client.ts";
import { usePlatform } from "./support/platform.ts";
import { useSecondPlane } from "./support/second-plane.ts";

describe("fifty provisioning requests at once", () => {
  const platform = usePlatform();
  const second = useSecondPlane(platform);

  /** How many planes share the fifty. */
  const planesOf = (count: number) => [platform.api, second].slice(0, count);
  const fifty = (planes: readonly ApiClient[], body: (i: number) => unknown, headers?: Record<string, string>) =>
    Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        (planes[i % planes.length] as ApiClient).post("/api/tenants/provision", body(i), headers),
      ),
    );
  const outcomes = (answers: readonly Answer[]) => answers.map(({ status, body }) => body.code ?? status);
  const rows = async (slug: unknown) => {
    const [counts] = await platform.query(
      `SELECT (SELECT count(*)::int FROM companies WHERE slug = $1) AS companies,
              (SELECT count(*)::int FROM operations o JOIN companies c ON c.id = o.company_id WHERE slug = $1) AS operations,
              (SELECT count(*)::int FROM audit_log WHERE action = 'tenant.requested' AND data->>'slug' = $1) AS requests,
              (SELECT count(*)::int FROM domains WHERE host LIKE '%.' || $1 || '.%') AS hosts`,
      [slug],
    );
    return counts;
  };
  const once = { companies: 1, operations: 1, requests: 1, hosts: 2 };

  for (const count of [1, 2]) {
    const where = count === 1 ? "one control plane" : "two control planes";

    it(`for one slug, of ${where}: one 201 and 49 times slug-taken`, async () => {
      const slug = `disputado-${count}`;
      const answers = await fifty(planesOf(count), () => newCompany({ slug }));
      expect(outcomes(answers).filter((outcome) => outcome === 201)).to.have.length(1);
      expect(outcomes(answers).filter((outcome) => outcome === "slug-taken")).to.have.length(49);
      for (const { status, body } of answers)
        if (status !== 201) expect([status, body.errors?.[0]?.pointer]).to.deep.equal([409, "/slug"]);
      expect(await rows(slug)).to.deep.equal(once);
    });

    it(`with one idempotency key, of ${where}: one company`, async () => {
      // Every answer tells of it, also that of a later request.
      const company = newCompany();
      const key = { "Idempotency-Key": crypto.randomUUID() };
      const answers = await fifty(planesOf(count), () => company, key);
      const told = answers.filter(({ status }) => status === 201);
      expect(told).to.have.length.at.least(1);
      expect(new Set(told.map(({ body }) => body.tenant.id)).size).to.equal(1);
      for (const { status, body } of answers)
        if (status !== 201) expect([status, body.code]).to.deep.equal([409, "idempotency-in-progress"]);
      expect(await rows(company["slug"])).to.deep.equal(once);

      for (const plane of [platform.api, second]) {
        const again = await plane.post("/api/tenants/provision", company, key);
        expect([again.status, again.headers.get("idempotency-replayed")]).to.deep.equal([201, "true"]);
        expect(again.body).to.deep.equal(told[0]?.body);
      }
    });
  }

  it("with one name and no slug: fifty companies, each with a slug of its own", async () => {
    const name = "Padaria da Corrida";
    const answers = await fifty(planesOf(2), () => {
      const { slug: _, ...company } = newCompany({ name });
      return company;
    });
    const made = answers.filter(({ status }) => status === 201 || status === 202);
    expect(new Set(made.map(({ body }) => body.tenant.slug)).size).to.equal(made.length);
    for (const { status, body } of answers)
      if (status > 202) expect([status, body.code]).to.deep.equal([409, "slug-taken"]);
    expect(made).to.have.length(50);
  }).timeout(120_000);
});
