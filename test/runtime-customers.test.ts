/** `/v1/customers`, the first resource of a company. */
import { expect } from "chai";
import { usePlatform } from "./support/platform.ts";
import { openCompany, runtimeClient, type Company, type RuntimeRequest } from "./support/runtime-client.ts";

describe("customers of a company", () => {
  const platform = usePlatform({ runtime: true, workers: true });
  const askRuntime = runtimeClient(platform);
  let acme: Company;

  before(async () => {
    acme = await openCompany(platform);
  });

  const ask = (what: string, request: RuntimeRequest = {}) =>
    askRuntime(acme.api, what, { token: acme.token, ...request });
  const create = (body: Record<string, unknown>) => ask("POST /v1/customers", { body });
  const pointersOf = (body: { errors: { pointer: string }[] }) => body.errors.map(({ pointer }) => pointer);

  it("are created with a normalised phone number and tax number", async () => {
    const metadata = { origin: "site", visits: 3, vip: true, note: null };
    const made = await create({
      name: "  João da Silva ",
      phone: "(11) 98765-4321",
      email: "joao@exemplo.com",
      document: "123.456.789-09",
      notes: "Prefere manhãs",
      metadata,
    });
    expect(made.status).to.equal(201);
    expect(made.headers.location).to.equal(`/v1/customers/${made.body.id}`);
    expect(made.body).to.deep.include({
      name: "João da Silva",
      phone: "+5511987654321",
      document: "12345678909",
      metadata,
    });
    const read = await ask(`GET ${made.headers.location}`);
    expect([read.status, read.body]).to.deep.equal([200, made.body]);
  });

  it("have one phone number each, however it is typed", async () => {
    const taken = { name: "Primeira", phone: "+55 21 3456-7890" };
    const first = await create(taken);
    const second = await create({ name: "Segunda", phone: "02134567890" });
    expect([second.status, second.body.code, pointersOf(second.body)]).to.deep.equal([
      409,
      "already-exists",
      ["/phone"],
    ]);
    const third = await create({ name: "Terceira" });
    const moved = await ask(`PATCH /v1/customers/${third.body.id}`, { body: { phone: taken.phone } });
    expect([moved.status, pointersOf(moved.body)]).to.deep.equal([409, ["/phone"]]);
    const same = await ask(`PATCH /v1/customers/${first.body.id}`, { body: taken });
    expect(same.status).to.equal(200);
  });

  it("are refused with a pointer at every bad field", async () => {
    const bad: [body: unknown, pointers: string[]][] = [
      [{ name: "Ana", cor: "azul", "a/b": 1 }, ["/cor", "/a~1b"]],
      [{}, ["/name"]],
      [{ name: "  " }, ["/name"]],
      [{ name: "a".repeat(161) }, ["/name"]],
      [{ name: "A\0na" }, ["/name"]],
      [{ name: "Ana", phone: "12", email: "sem arroba", document: "123" }, ["/phone", "/email", "/document"]],
      [{ name: "Ana", metadata: { deep: { er: 1 } } }, ["/metadata/deep"]],
      [[], [""]],
    ];
    for (const [body, pointers] of bad) {
      const answer = await ask("POST /v1/customers", { body });
      expect([answer.status, answer.body.code], JSON.stringify(body)).to.deep.equal([422, "invalid-request"]);
      expect(pointersOf(answer.body)).to.have.members(pointers);
    }
  });

  it("are changed field by field", async () => {
    const { body: made } = await create({ name: "Maria", phone: "11 91234-5678", notes: "antiga" });
    const changed = await ask(`PATCH /v1/customers/${made.id}`, { body: { name: "Maria José", notes: null } });
    expect(changed.status).to.equal(200);
    expect(changed.body).to.deep.include({ id: made.id, name: "Maria José", phone: "+5511912345678", notes: null });
    expect(Date.parse(changed.body.updatedAt)).to.be.greaterThan(Date.parse(made.updatedAt));
    const unknown = await ask(`PATCH /v1/customers/${made.id}`, { body: { id: crypto.randomUUID() } });
    expect([unknown.status, pointersOf(unknown.body)]).to.deep.equal([422, ["/id"]]);
  });

  it("are gone once deleted", async () => {
    const { body: made } = await create({ name: "De passagem" });
    const path = `/v1/customers/${made.id}`;
    const deleted = await ask(`DELETE ${path}`);
    expect([deleted.status, deleted.body]).to.deep.equal([204, ""]);
    for (const what of [`GET ${path}`, `DELETE ${path}`]) expect((await ask(what)).status, what).to.equal(404);
    expect((await ask(`PATCH ${path}`, { body: { name: "De volta" } })).status).to.equal(404);
  });

  it("are not found by an unknown id, of whatever form", async () => {
    for (const id of [crypto.randomUUID(), "1", "not-a-uuid", "%27%20OR%201=1", "%00"]) {
      for (const method of ["GET", "DELETE"]) {
        const answer = await ask(`${method} /v1/customers/${id}`);
        expect([answer.status, answer.body.code], `${method} ${id}`).to.deep.equal([404, "not-found"]);
      }
      const patched = await ask(`PATCH /v1/customers/${id}`, { body: { name: "Ana" } });
      expect(patched.status, `PATCH ${id}`).to.equal(404);
    }
  });

  it("come in pages by name, each once, and are found by name, e-mail and digits", async () => {
    const names = ["página a", "Página B", "página b", "PÁGINA C", "página_d"];
    await Promise.all(names.map((name, i) => create({ name, phone: `31 98888-000${i}`, email: `p${i}@paginas.com` })));
    const seen: string[] = [];
    let cursor = "";
    do {
      const page = await ask(`GET /v1/customers?search=${encodeURIComponent("página")}&limit=2${cursor}`);
      expect(page.body.customers).to.have.length(seen.length < 4 ? 2 : 1);
      seen.push(...page.body.customers.map((customer: { name: string }) => customer.name));
      cursor = page.body.nextCursor === null ? "" : `&cursor=${page.body.nextCursor}`;
    } while (cursor);
    expect(seen).to.have.members(names);
    expect(seen[0]).to.equal("página a");

    const found = async (search: string) => {
      const { body } = await ask(`GET /v1/customers?search=${encodeURIComponent(search)}`);
      return body.customers.map((customer: { name: string }) => customer.name);
    };
    expect(await found("@paginas")).to.have.length(5);
    expect(await found("(31) 98888-0003")).to.deep.equal(["PÁGINA C"]);
    expect(await found("página_")).to.deep.equal(["página_d"]);
    expect(await found("%")).to.deep.equal([]);
    expect(await found("'; DROP TABLE customers; --")).to.deep.equal([]);
  });

  it("are not listed for a query that makes no sense", async () => {
    for (const [query, pointer] of [
      ["limit=0", "#query/limit"],
      ["limit=201", "#query/limit"],
      ["limit=x", "#query/limit"],
      ["cursor=abc", "#query/cursor"],
      ["page=2", "#query/page"],
    ]) {
      const answer = await ask(`GET /v1/customers?${query}`);
      expect([answer.status, pointersOf(answer.body)], query).to.deep.equal([422, [pointer]]);
    }
  });

  it("take JSON only, of at most 64 KiB", async () => {
    const rawBody = JSON.stringify({ name: "Ana" });
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]) {
      const answer = await ask("POST /v1/customers", { rawBody, headers: { "Content-Type": type } });
      expect([answer.status, answer.body.code], type).to.deep.equal([415, "unsupported-media-type"]);
    }
    const broken = await ask("POST /v1/customers", { rawBody: '{"name":' });
    expect([broken.status, broken.body.code]).to.deep.equal([400, "malformed-json"]);
    const big = await create({ name: "Ana", notes: "x".repeat(64 * 1024) });
    expect([big.status, big.body.code]).to.deep.equal([413, "body-too-large"]);
  });

  it("are for signed-in people only", async () => {
    const id = crypto.randomUUID();
    for (const what of [
      "GET /v1/customers",
      "POST /v1/customers",
      ...["GET", "PATCH", "DELETE"].map((m) => `${m} /v1/customers/${id}`),
    ]) {
      expect((await askRuntime(acme.api, what)).status, what).to.equal(401);
    }
  });
});
