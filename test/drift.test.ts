/** What somebody changed behind the platform's back that may hold data or rights: reported in words and left alone. */
import { expect } from "chai";
import { converge } from "../control-plane/lifecycle/converge.ts";
import { inspectTenant } from "../control-plane/lifecycle/inspection/inspect-tenant.ts";
import { listDueInspections, scheduleInspections } from "../control-plane/lifecycle/inspection/schedule.ts";
import { releaseLease, takeLease } from "../control-plane/lifecycle/lease.ts";
import { endOperation } from "../control-plane/lifecycle/endings/end-operation.ts";
import { readLeasedTenant } from "../control-plane/lifecycle/tenant-store.ts";
import { actsOf, changeBetweenInspections, INSPECTION_HOURS, inspected, provision } from "./support/inspections.ts";
import { usePlatform } from "./support/platform.ts";
import { operationFails, operationSucceeds } from "./support/tenant-waits.ts";
import { until } from "./support/wait.ts";

describe("drift", () => {
  const platform = usePlatform({ workers: true, config: { INSPECTION_HOURS } });

  const acts = (id: number, action: string) => actsOf(platform, id, action);

  it("of schema and rights is reported line by line and counted, and never touched", async () => {
    const company = await provision(platform.api);
    const { id, path, schema } = company;
    const stranger = `stranger_${id}`;
    await platform.query("SELECT part_by_month($1, 'inbound_messages', 'created_at')", [schema]);
    const [month] = await platform.query<{ name: string }>(
      "SELECT relname AS name FROM pg_class WHERE relnamespace = $1::regnamespace AND relispartition AND relkind = 'r' ORDER BY 1 LIMIT 1",
      [schema],
    );
    const statements = [
      `CREATE ROLE ${stranger}`,
      `DROP INDEX ${schema}.users_group_id_idx`,
      `ALTER TABLE ${schema}.customers ADD COLUMN loyalty integer`,
      `ALTER TABLE ${schema}.customers ALTER COLUMN name TYPE varchar(200)`,
      `GRANT SELECT ON ${schema}.customers TO PUBLIC`,
      `GRANT TRUNCATE ON ${schema}.customers TO ${schema}`,
      `GRANT SELECT ON ${schema}.${month?.name} TO ${stranger}`,
      `GRANT SELECT (email) ON ${schema}.users TO ${stranger}`,
      `REVOKE DELETE ON ${schema}.customers FROM ${schema}`,
      `GRANT CREATE ON SCHEMA ${schema} TO ${schema}`,
      `GRANT USAGE ON SCHEMA ${schema} TO PUBLIC`,
      `ALTER TABLE ${schema}.user_groups OWNER TO ${stranger}`,
      `ALTER DEFAULT PRIVILEGES IN SCHEMA ${schema} GRANT SELECT ON TABLES TO ${stranger}`,
      `ALTER ROLE ${schema} CREATEDB BYPASSRLS`,
      `GRANT pg_read_all_data TO ${schema}`,
      `GRANT ${schema} TO ${stranger}`,
    ];
    await changeBetweenInspections(platform, id, statements);
    try {
      const first = await inspected(platform.api, path, "drifted");
      expect(first.findings).to.have.length(1);
      const { resource, state, action, why: lines } = first.findings[0]!;
      expect({ resource, state, action }).to.deep.equal({ resource: "database", state: "drifted", action: "reported" });
      expect(lines).to.include.members([
        "+ grant customers PUBLIC SELECT",
        `+ grant customers ${schema} TRUNCATE`,
        `- grant customers ${schema} DELETE`,
        `+ grant ${month?.name} ${stranger} SELECT`,
        `+ grant users.email ${stranger} SELECT`,
        `+ grant schema ${schema} CREATE`,
        "+ grant schema PUBLIC USAGE",
        `+ owner user_groups ${stranger}`,
        `+ default privilege r ${stranger} SELECT`,
        `+ role ${schema} CREATEDB`,
        `+ role ${schema} BYPASSRLS`,
        `+ member ${schema} of pg_read_all_data`,
        `+ member ${stranger} of ${schema}`,
      ]);
      expect(lines.filter((line) => line.includes("users_group_id_idx"))).to.have.length(1);
      expect(lines.find((line) => line.includes("users_group_id_idx"))).to.match(/^- index users_group_id_idx CREATE/);
      expect(lines.find((line) => line.includes("loyalty"))).to.match(/^\+ column customers\.loyalty integer/);
      expect(lines.filter((line) => line.includes("column customers.name ")).map((line) => line[0])).to.deep.equal([
        "-",
        "+",
      ]);
      expect((await platform.api.get("/metrics")).body).to.match(/^secretaria_tenants_drifted 1$/m);

      // Looked at again, and asked to reconcile: the same lines, one entry in the audit log, nothing undone.
      const operation = (await platform.api.post(`${path}/reconcile`, { reason: "conferir" })).headers.get("location");
      await operationSucceeds(platform.api, operation as string);
      const again = await inspected(platform.api, path, "drifted", { after: first });
      expect(again.findings).to.deep.equal(first.findings);
      expect(await acts(id, "tenant.drift-found")).to.have.length(1);
      expect((await company.get()).status).to.equal("active");
    } finally {
      const undo = [
        `CREATE INDEX users_group_id_idx ON ${schema}.users (group_id)`,
        `ALTER TABLE ${schema}.customers DROP COLUMN loyalty`,
        `ALTER TABLE ${schema}.customers ALTER COLUMN name TYPE text`,
        `ALTER TABLE ${schema}.user_groups OWNER TO CURRENT_USER`,
        `REVOKE SELECT ON ${schema}.customers FROM PUBLIC`,
        `REVOKE TRUNCATE ON ${schema}.customers FROM ${schema}`,
        `GRANT DELETE ON ${schema}.customers TO ${schema}`,
        `REVOKE CREATE ON SCHEMA ${schema} FROM ${schema}`,
        `REVOKE USAGE ON SCHEMA ${schema} FROM PUBLIC`,
        `ALTER ROLE ${schema} NOCREATEDB NOBYPASSRLS`,
        `REVOKE pg_read_all_data FROM ${schema}`,
        `DROP OWNED BY ${stranger}`,
        `DROP ROLE ${stranger}`,
      ];
      await changeBetweenInspections(platform, id, undo);
    }
    // By hand it is undone.
    await inspected(platform.api, path, "ok");
    expect(await acts(id, "tenant.drift-gone")).to.have.length(1);
  });

  it("of more lines than a person reads is cut short, with a count", async () => {
    const { path, schema } = await provision(platform.api);
    const columns = Array.from({ length: 70 }, (_, i) => `c${i} integer`).join(", ");
    await platform.query(`CREATE TABLE ${schema}.imported (${columns})`);
    const { findings } = await inspected(platform.api, path, "drifted");
    expect(findings[0]?.why).to.have.length(51);
    expect(findings[0]?.why.at(-1)).to.match(/^… and \d+ more$/);
  });

  it("of a lost schema is in its row and never made empty; back again, it is ready", async () => {
    const company = await provision(platform.api);
    const { id, path, schema } = company;
    await platform.query(`ALTER SCHEMA ${schema} RENAME TO lost_${id}`);
    const lost = await company.shows((tenant) => tenant.resources[0]?.status === "failed", { what: "the loss" });
    expect(lost.status).to.equal("degraded");
    expect(lost.resources[0]?.lastError).to.deep.include({ code: "database-missing", retry: "conflict" });
    const finding = (await acts(id, "tenant.drift-found")).flatMap(({ findings }) => findings)[0];
    expect(finding).to.deep.include({ resource: "database", action: "reported" });
    for (const what of ["retry", "reconcile"]) {
      const operation = (await platform.api.post(`${path}/${what}`)).headers.get("location") as string;
      await operationFails(platform.api, operation);
      expect(await platform.query("SELECT 1 FROM pg_namespace WHERE nspname = $1", [schema]), what).to.have.length(0);
    }
    await platform.query(`ALTER SCHEMA lost_${id} RENAME TO ${schema}`);
    await platform.api.post(`${path}/retry`);
    await company.becomes("active");
    await inspected(platform.api, path, "ok");
  });

  it("is looked for at once by a reconciliation, which waits for the company's lease", async () => {
    const { id, path } = await provision(platform.api);
    await inspected(platform.api, path, "ok");
    const held = await until(
      () => takeLease({ ...platform.ctx, config: { ...platform.config, LEASE_SECONDS: 600 } }, id),
      (fence) => fence !== undefined,
      { what: "the lease" },
    );
    await platform.query("UPDATE tenant_inspections SET next_at = now() + interval '1 day' WHERE company_id = $1", [
      id,
    ]);
    await platform.ctx.redis.call("ACL", "DELUSER", `tenant_${id}`);
    const tenant = await readLeasedTenant(platform.ctx.db, id, held as number);
    const answer = await platform.api.post(`${path}/reconcile`, { reason: "usuário apagado" });
    expect([answer.status, answer.body.operation.kind]).to.deep.equal([202, "reconcile"]);
    // Who holds it began before that: it neither ends the operation nor writes down what it saw.
    await endOperation(platform.ctx, tenant, "succeeded");
    const lost: unknown = await inspectTenant(platform.ctx, tenant).catch((error: unknown) => error);
    expect((lost as Error).name).to.equal("LeaseLost");
    const operation = answer.headers.get("location") as string;
    expect((await platform.api.get(operation)).body.status).to.equal("running");
    await releaseLease(platform.ctx, id, held as number);
    await operationSucceeds(platform.api, operation);
    expect(await platform.ctx.redis.call("ACL", "GETUSER", `tenant_${id}`)).not.to.equal(null);
    const [asked] = await platform.query(
      "SELECT data ->> 'reason' AS reason FROM audit_log WHERE company_id = $1 AND action = 'tenant.reconciliation-requested'",
      [id],
    );
    expect(asked).to.deep.equal({ reason: "usuário apagado" });
  });

  it("of a closed company is not looked for", async () => {
    const { id, path } = await provision(platform.api);
    await inspected(platform.api, path, "ok");
    await platform.query(
      `UPDATE companies SET desired_state = 'closed', closed_from = 'active', purge_after = now() + interval '1 day',
         generation = generation + 1 WHERE id = $1`,
      [id],
    );
    await platform.ctx.redis.call("ACL", "DELUSER", `tenant_${id}`);
    await platform.query("UPDATE tenant_inspections SET next_at = '2020-01-01' WHERE company_id = $1", [id]);
    expect(await listDueInspections(platform.ctx, 100, [])).not.to.include(id);
    await converge(platform.ctx, id);
    expect(await platform.ctx.redis.call("ACL", "GETUSER", `tenant_${id}`)).to.equal(null);
    expect((await platform.api.post(`${path}/reconcile`)).body.code).to.equal("state-conflict");
    await scheduleInspections(platform.ctx);
    expect(await platform.query("SELECT 1 FROM tenant_inspections WHERE company_id = $1", [id])).to.have.length(0);
    expect(await acts(id, "tenant.drift-found")).to.deep.equal([]);
  });

  it("is looked for at times spread over the whole interval", async () => {
    const config = { ...platform.config, INSPECTION_HOURS: 10 };
    // In one transaction: the platform's own round, which knows another interval, must not see them before.
    await platform.ctx.db.transaction(async (db) => {
      await db.raw(
        `INSERT INTO companies (name, slug, domain, base_domain, owner_name, owner_email, cluster_id, desired_state)
         SELECT 'Frota', 'frota-' || n, 'frota-' || n || '.com.br', 'localhost', 'Ana', 'ana@example.com', 1, 'suspended'
         FROM generate_series(1, 400) AS n`,
      );
      await scheduleInspections({ ...platform.ctx, config, db });
    });
    const rows = await platform.query<{ tenth: number; count: number }>(
      `SELECT floor(extract(epoch FROM next_at - now()) / 3600)::int AS tenth, count(*)::int FROM tenant_inspections
       JOIN companies ON id = company_id WHERE name = 'Frota' GROUP BY 1 ORDER BY 1`,
    );
    expect(rows.reduce((sum, { count }) => sum + count, 0)).to.equal(400);
    // 40 in each tenth on average: none of ten draws of that kind strays to 10 or 90 but once in millions of runs.
    expect(rows.map(({ tenth }) => tenth)).to.deep.equal([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    for (const { count } of rows) expect(count).to.be.within(10, 90);
  });
});
