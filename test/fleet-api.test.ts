/** Migration runs over the API: who may see and change them, what is told, and the stream that follows one. */
import { expect } from "chai";
import { createParser } from "eventsource-parser";
import { z } from "zod";
import { tenantVersion } from "../core/migrations/version.ts";
import { planSchema, resultSchema, runSchema } from "../control-plane/fleet/run-schemas.ts";
import { createApiClient, type ApiClient } from "./support/api-client.ts";
import { lastMigration } from "./support/last-migration.ts";
import { personOf } from "./support/panel.ts";
import { adminPassword, usePlatform } from "./support/platform.ts";
import { forgetRuns, holdRuns, insertRun, makeBehind, refusal, versionBefore } from "./support/runs.ts";

describe("migration runs over the API", () => {
  const platform = usePlatform();
  const get = <Path extends string>(path: Path) => platform.api.get(`/api/migration-runs${path}`);

  /** Opens a run's event stream; `next` answers the next event, undefined at the end. */
  const follow = async (id: string, lastEventId?: string) => {
    const leave = new AbortController();
    const answer = await fetch(`${platform.api.url}/api/migration-runs/${id}/events`, {
      headers: {
        Authorization: `Bearer ${platform.api.token}`,
        ...(lastEventId === undefined ? {} : { "Last-Event-ID": lastEventId }),
      },
      signal: leave.signal,
    });
    const events: { id: string; event: string; data: any }[] = [];
    const parser = createParser({
      onEvent: (sent) => events.push({ id: sent.id ?? "", event: sent.event ?? "", data: JSON.parse(sent.data) }),
    });
    const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
    const next = async () => {
      while (events.length === 0) {
        const { value, done } = (await reader?.read()) ?? { done: true };
        if (done) return undefined;
        parser.feed(value ?? "");
      }
      return events.shift();
    };
    return { status: answer.status, next, leave: () => leave.abort() };
  };

  afterEach(() => forgetRuns(platform));

  const signIn = async (role: "viewer" | "operator"): Promise<ApiClient> =>
    createApiClient(platform.api.url, { email: await personOf(platform, role), password: adminPassword });
  const makeCompanies = async (count: number): Promise<number[]> => {
    const made = await Promise.all(Array.from({ length: count }, () => platform.createTenant()));
    return made.map(({ id }) => id);
  };
  const auditOf = (runId: string) =>
    platform.query("SELECT actor, action FROM audit_log WHERE correlation_id = $1 ORDER BY id", [runId]);

  it("plans without a trace, and starts what was planned; one run at a time", async () => {
    const ids = await makeCompanies(2);
    for (const id of ids) await makeBehind(platform, id);
    const request = { tenants: ids, waves: [50], canary: false };
    const { status, body: plan } = await platform.api.post("/api/migration-runs", { ...request, dryRun: true });
    expect(status).to.equal(200);
    expect(z.strictObject(planSchema.shape).safeParse(plan).error?.issues).to.equal(undefined);
    expect(plan).to.deep.include({
      tenants: 2,
      files: [lastMigration],
      from: [{ version: versionBefore(), tenants: 2 }],
    });
    expect(plan.waves.map((wave: { name: string; tenants: number }) => [wave.name, wave.tenants])).to.deep.equal([
      ["50 %", 1],
      ["100 %", 1],
    ]);
    expect((await get("")).body.runs).to.deep.equal([]);

    await holdRuns(platform);
    const started = await platform.api.post("/api/migration-runs", request);
    expect(started.status).to.equal(201);
    expect(started.headers.get("location")).to.equal(`/api/migration-runs/${started.body.id}`);
    expect(started.body).to.deep.include({ status: "running", direction: "up", tenants: 2, waiting: 2 });
    expect(started.body.options).to.deep.include({ waves: [50, 100], concurrency: 4 });
    const second = await platform.api.post("/api/migration-runs", request);
    expect([second.status, second.body.code]).to.deep.equal([409, "run-open"]);
    expect(second.body.instance).to.equal(`/api/migration-runs/${started.body.id}`);
    await platform.api.post(`/api/migration-runs/${started.body.id}/abort`);
    const actions = await auditOf(started.body.id);
    expect(actions.map(({ action }) => action)).to.deep.equal(["migration-run.started", "migration-run.aborted"]);
    expect(actions[0]?.["actor"]).to.match(/^user:\d+$/);
  });

  it("is driven to its end by the control plane, and a stream follows it there", async () => {
    const ids = await makeCompanies(3);
    for (const id of ids) await makeBehind(platform, id);
    const { body: run } = await platform.api.post("/api/migration-runs", { tenants: ids });
    const stream = await follow(run.id);
    let last = await stream.next();
    for (let event = last; event !== undefined; event = await stream.next()) last = event;
    expect(last).to.deep.include({ event: "ended" }).and.have.nested.property("data.status", "succeeded");
    expect(last?.data).to.deep.include({ tenants: 3, done: 3, failed: 0, waiting: 0 });
    const { tenants } = (await get(`/${run.id}/tenants?status=done`)).body;
    expect(tenants.map(({ tenantId }) => tenantId)).to.have.members(ids);
    expect(tenants[0]?.toVersion).to.equal(await tenantVersion());
    const column = `has_column_privilege('tenant_${ids[0]}.user_sessions', 'impersonated_by', 'INSERT')`;
    expect(await platform.query(`SELECT ${column} AS ok`)).to.deep.equal([{ ok: true }]);
  });

  it("refuses what it cannot do, field by field", async () => {
    const wrong = await platform.api.post("/api/migration-runs", { waves: [10, 1], speed: 9 });
    expect([wrong.status, wrong.body.code]).to.deep.equal([422, "invalid-request"]);
    expect(wrong.body.errors.map(({ pointer }: { pointer: string }) => pointer)).to.have.members(["/waves", "/speed"]);
    const unknown = await platform.api.post("/api/migration-runs", { to: "0999_later.sql" });
    expect([unknown.status, unknown.body.errors[0].pointer]).to.deep.equal([422, "/to"]);
    const [id] = await makeCompanies(1);
    const idle = await platform.api.post("/api/migration-runs", { tenants: [id] });
    expect([idle.status, idle.body.code]).to.deep.equal([409, "nothing-to-do"]);
  });

  it("lets operators pause, resume and retry, admins start and abort, and all read", async () => {
    const [viewer, operator] = [await signIn("viewer"), await signIn("operator")];
    const id = await insertRun(platform, {
      status: "running",
      waves: [{ name: "100 %", status: "running", tenants: { failed: [901], waiting: [902] } }],
    });
    const path = `/api/migration-runs/${id}`;
    const statusOf = async (client: ApiClient, verb: string) => {
      const { status, body } = await client.post(`${path}/${verb}`);
      return [status, status === 200 ? body.status : body.code];
    };
    expect((await viewer.get(path)).status).to.equal(200);
    expect(await statusOf(viewer, "pause")).to.deep.equal([403, "not-allowed"]);
    expect(await statusOf(operator, "pause")).to.deep.equal([200, "paused"]);
    expect(await statusOf(operator, "pause")).to.deep.equal([409, "state-conflict"]);
    expect(await statusOf(operator, "abort")).to.deep.equal([403, "not-allowed"]);
    expect(await statusOf(platform.api, "abort")).to.deep.equal([200, "aborted"]);
    expect(await statusOf(operator, "resume")).to.deep.equal([409, "state-conflict"]);
    const starting = { tenants: [902], dryRun: false };
    expect((await operator.post("/api/migration-runs", starting)).body.code).to.equal("not-allowed");
    expect((await operator.post("/api/migration-runs", { ...starting, dryRun: true })).status).to.equal(200);
    expect((await viewer.post("/api/migration-runs", { ...starting, dryRun: true })).status).to.equal(403);
    expect((await auditOf(id)).map(({ action }) => action)).to.deep.equal([
      "migration-run.paused",
      "migration-run.aborted",
    ]);
  });

  it("lists runs, and shows one with waves and counts that add up", async () => {
    expect((await get("")).body).to.deep.equal({ runs: [] });
    const older = await insertRun(platform, { status: "succeeded", waves: [] });
    const id = await insertRun(platform, {
      status: "running",
      wave: 2,
      waves: [
        { name: "canary", status: "done", tenants: { done: [901] } },
        { name: "10 %", status: "running", tenants: { done: [902, 903], failed: [904], waiting: [905] } },
        { name: "100 %", tenants: { waiting: [906, 907] } },
      ],
    });
    const { body } = await get(`/${id}`);
    expect(z.strictObject(runSchema.shape).safeParse(body).error?.issues).to.equal(undefined);
    expect(body).to.deep.include({ status: "running", tenants: 7, done: 3, failed: 1, waiting: 3, busy: 0 });
    expect(body.waves.map(({ name, done, failed }) => [name, done, failed])).to.deep.equal([
      ["canary", 1, 0],
      ["10 %", 2, 1],
      ["100 %", 0, 0],
    ]);
    const { runs } = (await get("")).body;
    expect(runs.map((run) => run.id)).to.deep.equal([id, older]);
    expect((await get("?limit=1")).body.runs).to.have.length(1);
  });

  it("names the tenants that failed and why, page by page", async () => {
    const { id: company, slug } = await platform.createTenant();
    const failed = [902, 904, company];
    const id = await insertRun(platform, {
      status: "failed",
      waves: [{ name: "100 %", status: "done", tenants: { done: [901], failed } }],
    });
    const first = (await get(`/${id}/tenants?status=failed&limit=2`)).body;
    expect(first.tenants.map(({ tenantId }) => tenantId)).to.deep.equal([902, 904]);
    expect(first.nextAfter).to.equal(904);
    const second = (await get(`/${id}/tenants?status=failed&limit=2&after=904`)).body;
    expect(second.nextAfter).to.equal(null);
    expect(second.tenants).to.have.length(1);
    expect(z.strictObject(resultSchema.shape).safeParse(second.tenants[0]).error?.issues).to.equal(undefined);
    expect(second.tenants[0]).to.deep.include({ tenantId: company, slug, error: refusal, nextAttemptAt: null });
    expect((await get(`/${id}/tenants`)).body.tenants).to.have.length(4);
  });

  it("says what it does not know, and what it does not take", async () => {
    const nobody = "00000000-0000-4000-8000-000000000000";
    for (const path of ["", "/tenants", "/events"])
      expect((await get(`/${nobody}${path}`)).body.code, path).to.equal("run-not-found");
    expect((await get("/17")).body.code).to.equal("invalid-request");
    const id = await insertRun(platform, { status: "succeeded", waves: [] });
    expect((await get(`/${id}/tenants?status=lost`)).status).to.equal(422);
  });

  it("streams changes and the end; a client that comes again gets only what is new", async () => {
    const id = await insertRun(platform, {
      status: "running",
      waves: [{ name: "100 %", status: "running", tenants: { done: [901], waiting: [902] } }],
    });
    const stream = await follow(id);
    const first = await stream.next();
    expect(first).to.have.nested.property("data.done", 1);
    expect(first?.event).to.equal("run");
    await platform.query("UPDATE migration_results SET status = 'done' WHERE tenant_id = 902");
    const second = await stream.next();
    expect(second).to.have.nested.property("data.done", 2);
    expect(parseInt(second?.id ?? "", 10)).to.be.greaterThan(parseInt(first?.id ?? "", 10));
    stream.leave();

    const again = await follow(id, second?.id);
    await platform.query("UPDATE migration_runs SET status = 'succeeded', finished_at = now()");
    const end = await again.next();
    expect(end).to.deep.include({ event: "ended" }).and.have.nested.property("data.status", "succeeded");
    expect(parseInt(end?.id ?? "", 10)).to.be.greaterThan(parseInt(second?.id ?? "", 10));
    expect(await again.next()).to.equal(undefined);

    expect(await follow(id, end?.id)).to.deep.include({ status: 204 });
    const late = await follow(id, second?.id);
    expect(await late.next()).to.have.property("event", "ended");
    late.leave();
  });
});
