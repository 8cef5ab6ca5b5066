/** `npm run tenant -- adopt`: a schema that lost its company in the registry becomes a company again. */
import { expect } from "chai";
import { passOverUsedIds } from "../control-plane/lifecycle/upkeep/used-ids.ts";
import { planAdoption } from "../control-plane/tenants/adoption/plan.ts";
import { adoptTenant } from "../control-plane/tenants/adoption/adopt-tenant.ts";
import { AppError } from "../core/errors.ts";
import { readMigrations } from "../core/migrations/sql-files.ts";
import { runCli } from "./support/cli.ts";
import { inspected } from "./support/inspections.ts";
import { usePlatform } from "./support/platform.ts";
import { tenantAt } from "./support/tenant-waits.ts";

describe("adopting a schema", function () {
  // Each run of the command is a process that starts.
  this.timeout(120_000);
  const platform = usePlatform({ workers: true });

  const adopt = (given: Record<string, string>, ...flags: string[]) => {
    const options = Object.entries(given).flatMap(([name, value]) => [`--${name}`, value]);
    return runCli("scripts/tenant", ["adopt", ...options, ...flags], { platform });
  };

  const provision = async () => {
    const tenant = await platform.createTenant();
    const { domain } = await tenant.becomesReady();
    await platform.query(`INSERT INTO ${tenant.schema}.customers (name) VALUES ('Fica')`);
    return Object.assign(tenant, { domain });
  };
  /** The registry as an older backup knew it. */
  const forget = async (id: number) => {
    for (const table of ["domains", "operations"])
      await platform.query(`DELETE FROM ${table} WHERE company_id = $1`, [id]);
    await platform.query("DELETE FROM companies WHERE id = $1", [id]);
  };
  const optionsFor = ({ schema, slug }: { schema: string; slug: string }) => ({
    schema,
    name: "De Volta",
    slug,
    domain: `${slug}.com.br`,
    plan: "premium",
  });
  const countCompanies = async () => (await platform.query("SELECT 1 FROM companies")).length;

  it("keeps its data, its owner and its uuid, and makes what it lacks", async () => {
    const tenant = await provision();
    const { id, uuid, schema, slug } = tenant;
    await forget(id);
    await platform.query(`DROP OWNED BY ${schema}`);
    await platform.query(`DROP ROLE ${schema}`);
    await platform.ctx.redis.call("ACL", "DELUSER", schema);
    await platform.query("SELECT setval('companies_id_seq', $1, false)", [id - 5]);
    const owners = await platform.query(`SELECT id, email, password_hash FROM ${schema}.users`);

    const plan = await adopt(optionsFor(tenant), "--dry-run");
    expect(plan.status, plan.stderr).to.equal(0);
    expect(plan.stdout).to.include(`would make company ${id} (${slug}, De Volta) of ${schema}`);
    expect(plan.stdout).to.include(`uuid: ${uuid}, of its mark`);
    expect(plan.stdout).to.include("role: made anew; Redis namespace: there, kept");
    expect(await platform.query("SELECT 1 FROM companies WHERE id = $1", [id])).to.have.length(0);

    const done = await adopt(optionsFor(tenant));
    expect(done.status, done.stderr).to.equal(0);
    const adopted = tenantAt(platform.api, id);
    await adopted.becomes("active");
    const back = await adopted.becomesReady();
    expect(back).to.deep.include({ status: "active", id, uuid, slug, name: "De Volta", schema });
    expect(back.plan.code).to.equal("premium");
    expect(await platform.query(`SELECT name FROM ${schema}.customers`)).to.deep.equal([{ name: "Fica" }]);
    expect(await platform.query(`SELECT id, email, password_hash FROM ${schema}.users`)).to.deep.equal(owners);
    expect(await platform.ctx.redis.hget(`tenant:{${id}}:meta`, "name")).to.equal("De Volta");
    expect(
      await platform.query(
        "SELECT action, actor LIKE 'cli:%' AS cli FROM audit_log WHERE company_id = $1 AND action = 'tenant.adopted'",
        [id],
      ),
    ).to.deep.equal([{ action: "tenant.adopted", cli: true }]);
    const operations = await platform.query("SELECT kind, status FROM operations WHERE company_id = $1", [id]);
    expect(operations).to.deep.equal([{ kind: "adopt", status: "succeeded" }]);
    // Its schema and rights are as the migrations made them, and nothing is left over.
    await platform.api.post(`/api/tenants/${id}/reconcile`);
    await inspected(platform.api, adopted.path, "ok");
    const { body: orphans } = await platform.api.get("/api/orphans");
    expect(JSON.stringify(orphans)).not.to.include(String(id));
    // The next company gets the next id, not this one.
    expect((await platform.createTenant()).id).to.be.greaterThan(id);
  });

  it("restores marks, rights, owner and the newest migration where a restore lost them", async () => {
    const tenant = await provision();
    const { id, schema } = tenant;
    await forget(id);
    await platform.query(`COMMENT ON SCHEMA ${schema} IS NULL`);
    await platform.query(`COMMENT ON ROLE ${schema} IS NULL`);
    await platform.query(`DROP OWNED BY ${schema}`);
    const keys = await platform.ctx.redis.keys(`tenant:{${id}}:*`);
    await platform.ctx.redis.unlink(...keys);
    await platform.query(`DELETE FROM ${schema}.users`);
    const newest = readMigrations("tenant").at(-1);
    await platform.query(`SET search_path TO ${schema}, extensions; ${newest?.down}`);
    await platform.query(`DELETE FROM ${schema}.knex_migrations WHERE name = $1`, [newest?.name]);
    const refused: unknown = await planAdoption(platform.ctx, { ...optionsFor(tenant), actor: "test" }).catch(
      (reason: unknown) => reason,
    );
    expect((refused as Error).message).to.match(/has no owner; name one with --owner-email/);

    const done = await adopt({ ...optionsFor(tenant), "owner-email": "ana@example.com", "owner-name": "Ana" });
    expect(done.status, done.stderr).to.equal(0);
    const { body } = await platform.api.get(`/api/tenants/${id}`);
    expect(body.uuid).not.to.equal(tenant.uuid);
    const [facts] = await platform.query(
      `SELECT obj_description(to_regnamespace($1::text), 'pg_namespace') AS schema, shobj_description(to_regrole($1::text), 'pg_authid') AS role,
              has_table_privilege($1::name, $1::text || '.customers', 'INSERT') AS may,
              (SELECT email FROM ${schema}.users WHERE role = 'owner') AS owner,
              EXISTS (SELECT FROM ${schema}.knex_migrations WHERE name = $2) AS migrated`,
      [schema, newest?.name],
    );
    const mark = `secretaria tenant ${body.uuid}`;
    expect(facts).to.deep.equal({ schema: mark, role: mark, may: true, owner: "ana@example.com", migrated: true });
  });

  it("is refused, and changes nothing, where it would take what is another's", async () => {
    const living = await provision();
    const lost = await provision();
    const { id, schema } = lost;
    await forget(id);
    const good = { ...optionsFor(lost), slug: "outra-vez", domain: "outra-vez.com.br" };
    const before = await countCompanies();
    const refusal = async (changes: Partial<typeof good>) => {
      const options = { ...good, actor: "test", ...changes };
      const error: unknown = await adoptTenant(platform.ctx, options).catch((reason: unknown) => reason);
      expect(error, JSON.stringify(changes)).to.be.instanceOf(AppError);
      return `${(error as AppError).code}: ${(error as AppError).message}`;
    };
    expect(await refusal({ schema: living.schema })).to.equal(
      `state-conflict: company ${living.id} (${living.slug}, active) has that schema already`,
    );
    expect(await refusal({ schema: `tenant_${id + 5_000}` })).to.match(/^state-conflict: there is no schema/);
    expect(await refusal({ schema: "public" })).to.match(/^invalid-request/);
    expect(await refusal({ slug: "Não" })).to.match(/^invalid-request/);
    expect(await refusal({ slug: living.slug })).to.match(/^slug-taken/);
    expect(await refusal({ domain: living.domain })).to.match(/^domain-taken/);
    expect(await refusal({ plan: "gold" })).to.match(/^plan-unknown/);
    const { redis } = platform.ctx;
    await redis.hset(`tenant:{${id}}:meta`, "mark", "secretaria tenant 00000000-0000-4000-8000-000000000000");
    expect(await refusal({})).to.match(/do not carry one mark/);
    await redis.hset(`tenant:{${id}}:meta`, "mark", `secretaria tenant ${lost.uuid}`);
    await platform.query("INSERT INTO spare_tenants (id, uuid, version) VALUES ($1, gen_random_uuid(), 'x')", [id]);
    expect(await refusal({})).to.match(/was made for the next company/);
    await platform.query("DELETE FROM spare_tenants");
    await platform.query(`INSERT INTO ${schema}.knex_migrations (name, batch) VALUES ('9999_later.sql', 2)`);
    expect(await refusal({})).to.match(/not known here: 9999_later\.sql/);
    await platform.query(`ALTER TABLE ${schema}.knex_migrations RENAME TO gone`);

    const refused = await adopt(good);
    expect(refused).to.deep.include({ status: 1, stderr: `${schema} has no table knex_migrations\n` });
    const wrong = await adopt({ schema });
    expect(wrong.status).to.equal(2);
    expect(wrong.stderr).to.include("slug: is missing");
    expect(await countCompanies()).to.equal(before);
    expect(await platform.query(`SELECT name FROM ${schema}.customers`)).to.deep.equal([{ name: "Fica" }]);
  });

  it("stays possible after a control plane started: its id and those before stay free", async () => {
    const { id } = await provision();
    await forget(id);
    await platform.query("SELECT setval('companies_id_seq', $1, false)", [id - 5]);
    expect(await passOverUsedIds(platform.ctx)).to.equal(6);
    expect(await passOverUsedIds(platform.ctx)).to.equal(0);
    expect((await provision()).id).to.equal(id + 1);
    // What somebody made by hand is no company of before.
    await platform.query("CREATE SCHEMA tenant_900000000000000");
    expect(await passOverUsedIds(platform.ctx)).to.equal(0);
    await platform.query("DROP SCHEMA tenant_900000000000000");
  });
});
