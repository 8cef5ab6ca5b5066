/** Migration runs over the API: who may see and change them, what is told, and the stream that follows one. */
import { expect } from "chai";
import { createParser } from "eventsource-parser";
import { z } from "zod";
import { resultSchema, runSchema } from "../control-plane/fleet/run-schemas.ts";
import { newCompany } from "./support/api-client.ts";
import { usePlatform } from "./support/platform.ts";
import { insertRun, refusal } from "./support/runs.ts";

describe("migration runs over the API", () => {
  const platform = usePlatform();
  const get = (path: string) => platform.api.get(`/api/migration-runs${path}`);

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

  afterEach(() => platform.query("DELETE FROM migration_runs"));

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
    expect(body.waves.map(({ name, done, failed }: Record<string, unknown>) => [name, done, failed])).to.deep.equal([
      ["canary", 1, 0],
      ["10 %", 2, 1],
      ["100 %", 0, 0],
    ]);
    const { runs } = (await get("")).body;
    expect(runs.map((run: { id: string }) => run.id)).to.deep.equal([id, older]);
    expect((await get("?limit=1")).body.runs).to.have.length(1);
  });

  it("names the tenants that failed and why, page by page", async () => {
    const { body: made } = await platform.api.post("/api/tenants/provision", newCompany());
    const { id: company, slug } = made.tenant;
    const failed = [902, 904, company];
    const id = await insertRun(platform, {
      status: "failed",
      waves: [{ name: "100 %", status: "done", tenants: { done: [901], failed } }],
    });
    const first = (await get(`/${id}/tenants?status=failed&limit=2`)).body;
    expect(first.tenants.map(({ tenantId }: { tenantId: number }) => tenantId)).to.deep.equal([902, 904]);
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

  it("streams what changed and the end, and to whoever comes again only what they have not seen", async () => {
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
