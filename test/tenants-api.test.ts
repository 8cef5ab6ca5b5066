import { expect } from "chai";
import { z } from "zod";
import { provisionedSchema } from "../control-plane/tenants/tenant-schemas.ts";
import { usePlatform } from "./support/platform.ts";

describe("the API of companies", () => {
  const platform = usePlatform({ workers: true });

  it("streams the operation's events, and replays those after Last-Event-ID", async () => {
    const { events } = (await platform.createTenant()).operation.links;
    const all = await readEvents(platform.api.url + events, platform.api.token);
    expect(all.map(({ id }) => id)).to.deep.equal(all.map((_, i) => i + 1));
    expect(all.at(-1)?.event).to.equal("operation.succeeded");
    const ready = all.filter(({ event }) => event === "resource.ready").map(({ data }) => data.resource);
    expect(ready).to.have.members(["database", "cache", "queue", "owner", "dns", "certificate", "worker"]);
    const rest = await readEvents(platform.api.url + events, platform.api.token, 5);
    expect(rest).to.deep.equal(all.slice(5));
    const over = await platform.api.request("GET", events, {
      headers: { "Last-Event-ID": String(all.length) },
    });
    expect(over.status).to.equal(204);
  });

  it("lists companies by key, newest first, and finds them by name and status", async () => {
    for (let i = 0; i < 3; i += 1) await platform.createTenant({ name: `Lista_${i}` });
    const first = await platform.api.get("/api/tenants?search=lista_&limit=2");
    expect(first.body.tenants.map((tenant) => tenant.name)).to.deep.equal(["Lista_2", "Lista_1"]);
    const next = await platform.api.get(`/api/tenants?search=lista_&limit=2&cursor=${first.body.nextCursor}`);
    expect(next.body.tenants.map((tenant) => tenant.name)).to.deep.equal(["Lista_0"]);
    expect(next.body.nextCursor).to.equal(null);
    expect((await platform.api.get("/api/tenants?search=lista_&status=failed")).body.tenants).to.deep.equal([]);
    expect((await platform.api.get("/api/tenants?search=lista_&status=active")).body.tenants).to.have.length(3);
    expect((await platform.api.get("/api/tenants?search=lista%25")).body.tenants).to.deep.equal([]);
    const empty = await platform.api.get("/api/tenants?search=&status=&limit=&cursor=");
    expect([empty.status, empty.body.tenants.length]).to.deep.equal([
      200,
      (await platform.api.get("/api/tenants")).body.tenants.length,
    ]);
  });

  it("finds a company by id, uuid and slug", async () => {
    const { id, uuid, slug } = await platform.createTenant();
    for (const reference of [id, uuid, slug])
      expect((await platform.api.get(`/api/tenants/${reference}`)).body.uuid).to.equal(uuid);
    expect((await platform.api.get("/api/tenants/999999999")).body.code).to.equal("tenant-not-found");
  });

  it("is documented by the schemas that its answers keep", async () => {
    const document = (await platform.api.request("GET", "/openapi.json", { anonymous: true })).body;
    expect(document.openapi).to.equal("3.1.0");
    expect(Object.keys(document.paths)).to.include.members([
      "/api/auth/login",
      "/api/tenants/provision",
      "/api/tenants/{id}",
      "/api/tenants/{id}/retry",
      "/api/operations/{id}/events",
      "/api/migration-runs/{id}/tenants",
      "/api/plans",
    ]);
    const operation = document.paths["/api/tenants/provision"].post;
    expect(operation.requestBody.content["application/json"].schema.additionalProperties).to.equal(false);
    expect(Object.keys(operation.responses)).to.include.members(["201", "202", "default"]);
    const { body } = (await platform.createTenant()).answer;
    expect(z.strictObject(provisionedSchema.shape).safeParse(body).error?.issues).to.equal(undefined);
    expect((await platform.api.request("GET", "/docs", { anonymous: true })).status).to.equal(200);
  });

  it("lists plans with limits and modules", async () => {
    const { body } = await platform.api.get("/api/plans");
    const basic = body.plans.find((plan) => plan.code === "basic");
    expect(basic).to.deep.include({ priceCents: 9900, modules: ["chat", "crm", "store"] });
    expect(basic?.limits["users_limit"]).to.equal(3);
    expect(body.plans.map((plan) => plan.code)).to.include.members(["basic", "premium", "enterprise"]);
  });
});

interface StreamedEvent {
  readonly id: number;
  readonly event: string;
  readonly data: { resource: string | null };
}

async function readEvents(url: string, token: string, after?: number): Promise<StreamedEvent[]> {
  const headers = {
    Authorization: `Bearer ${token}`,
    ...(after === undefined ? {} : { "Last-Event-ID": String(after) }),
  };
  const answer = await fetch(url, { headers });
  expect(answer.headers.get("content-type")).to.match(/^text\/event-stream/);
  const field = (block: string, name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(block)?.[1] ?? "";
  const blocks = (await answer.text()).split("\n\n").filter((block) => block.startsWith("id:"));
  return blocks.map((block) => ({
    id: Number(field(block, "id")),
    event: field(block, "event"),
    data: JSON.parse(field(block, "data")),
  }));
}
