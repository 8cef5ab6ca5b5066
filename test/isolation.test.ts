/** Two companies with the same table contents never see each other's rows, messages, jobs or keys: through the front door. */
import { expect } from "chai";
import { Redis } from "ioredis";
import { withTenantQueue } from "../core/queues.ts";
import { redisUrlFor } from "../core/redis.ts";
import { redisPassword } from "../core/tenant-secrets.ts";
import { usePlatform } from "./support/platform.ts";
import { openCompany, runtimeClient, type Company } from "./support/runtime-client.ts";
import { until } from "./support/wait.ts";

describe("isolation of two companies with the same contents", () => {
  const platform = usePlatform({ runtime: true, workers: true });
  const ask = runtimeClient(platform);
  let a: Company;
  let b: Company;
  /** Ids by name: the same names in both companies. */
  let idsOfA: Map<string, string>;
  let idsOfB: Map<string, string>;

  const fill = async ({ api, slug, token }: Company) => {
    const ids = new Map<string, string>();
    for (const [i, name] of ["Ana", "Bia", "Caio", "Davi", "Eva"].entries()) {
      const body = { name, phone: `11 98765-000${i}`, email: `${name}@exemplo.com`, metadata: { of: slug } };
      const made = await ask(api, "POST /v1/customers", { token, body });
      expect(made.status).to.equal(201);
      ids.set(name, made.body.id);
    }
    return ids;
  };
  before(async () => {
    [a, b] = await Promise.all([openCompany(platform, { name: "Alfa" }), openCompany(platform, { name: "Beta" })]);
    [idsOfA, idsOfB] = await Promise.all([fill(a), fill(b)]);
  });

  const marksOf = (customers: { metadata: { of: string } }[]) => [...new Set(customers.map((row) => row.metadata.of))];

  describe("rows", () => {
    it("lists, pages and finds only its own", async () => {
      for (const { api, token, slug } of [a, b]) {
        for (const query of ["", "?limit=2", "?search=ana", "?search=98765", "?search=exemplo.com"]) {
          const { status, body } = await ask(api, `GET /v1/customers${query}`, { token });
          expect([status, marksOf(body.customers)], query).to.deep.equal([200, [slug]]);
        }
      }
      const { body } = await ask(a.api, "GET /v1/customers?limit=2", { token: a.token });
      const next = await ask(b.api, `GET /v1/customers?cursor=${body.nextCursor}`, { token: b.token });
      expect(marksOf(next.body.customers), "a cursor of A at B").to.deep.equal([b.slug]);
    });

    it("has no row under an id of the other company", async () => {
      const { token } = a;
      for (const id of idsOfB.values()) {
        const path = `/v1/customers/${id}`;
        const answers = [
          await ask(a.api, `GET ${path}`, { token }),
          await ask(a.api, `PATCH ${path}`, { token, body: { name: "Trocado" } }),
          await ask(a.api, `DELETE ${path}`, { token }),
        ];
        expect(answers.map(({ status }) => status)).to.deep.equal([404, 404, 404]);
      }
      const { body } = await ask(b.api, "GET /v1/customers", { token: b.token });
      expect(body.customers.map((row: { name: string }) => row.name)).to.deep.equal([...idsOfB.keys()]);
    });

    it("lets no token of one company do anything at the other's host", async () => {
      const path = `/v1/customers/${idsOfB.get("Ana")}`;
      const attempts = ["GET /v1/me", "GET /v1/customers", `GET ${path}`, `DELETE ${path}`, "POST /v1/auth/logout"];
      for (const what of attempts) {
        const answer = await ask(b.api, what, { token: a.token });
        expect([answer.status, answer.body.code], what).to.deep.equal([403, "tenant-mismatch"]);
      }
      const body = { name: "Intruso" };
      expect((await ask(b.api, "POST /v1/customers", { token: a.token, body })).status).to.equal(403);
      expect((await ask(b.api, `PATCH ${path}`, { token: a.token, body })).status).to.equal(403);
      expect((await ask(b.api, `GET ${path}`, { token: b.token })).body.name).to.equal("Ana");
    });

    it("never mixes requests that run at the same time", async () => {
      const work = Array.from({ length: 60 }, async (_, i) => {
        const [company, ids] = i % 2 === 0 ? [a, idsOfA] : [b, idsOfB];
        const { api, token, slug } = company;
        const path = `/v1/customers/${ids.get("Caio")}`;
        const notes = `${slug} ${i}`;
        if (i % 3 === 0) {
          const { body } = await ask(api, "GET /v1/customers", { token });
          expect(body.customers).to.have.length(5);
          expect(marksOf(body.customers)).to.deep.equal([slug]);
        } else if (i % 3 === 1) {
          const { status, body } = await ask(api, `GET ${path}`, { token });
          expect([status, body.metadata.of]).to.deep.equal([200, slug]);
        } else {
          const { status, body } = await ask(api, `PATCH ${path}`, { token, body: { notes } });
          expect([status, body.notes, body.metadata.of]).to.deep.equal([200, notes, slug]);
        }
      });
      await Promise.all(work);
      for (const [{ api, token, slug }, ids] of [
        [a, idsOfA],
        [b, idsOfB],
      ] as const) {
        const { body } = await ask(api, `GET /v1/customers/${ids.get("Caio")}`, { token });
        expect(body.notes).to.match(new RegExp(`^${slug} `));
      }
    });
  });

  describe("messages and jobs", () => {
    const messagesOf = async ({ chat }: Company, Cookie: string) =>
      (await ask(chat, "GET /messages", { headers: { Cookie } })).body.messages as { from: string; body: string }[];
    const say = async ({ chat }: Company, text: string, Cookie?: string) => {
      const sent = await ask(chat, "POST /messages", { body: { text }, headers: Cookie ? { Cookie } : {} });
      expect(sent.status).to.equal(201);
      return { message: sent.body.message, cookie: sent.headers["set-cookie"]?.[0]?.split(";")[0] ?? "" };
    };
    const answered = (company: Company, cookie: string) =>
      until(
        () => messagesOf(company, cookie),
        (messages) => messages.some(({ from }) => from === "company"),
        { what: `an answer of ${company.name}` },
      );

    it("answers a visitor in the company's own name, and shows the other company nothing", async () => {
      const { cookie } = await say(a, "Qual é o horário?");
      const messages = await answered(a, cookie);
      expect(messages.map(({ from }) => from)).to.deep.equal(["visitor", "company"]);
      expect(messages[1]?.body).to.include("Alfa").and.not.include("Beta");

      expect(await messagesOf(b, cookie)).to.deep.equal([]);
      expect((await ask(b.chat, "GET /", { headers: { Cookie: cookie } })).body).not.to.include("Qual é o horário?");
      expect((await ask(b.chat, "GET /events", { headers: { Cookie: cookie } })).status).to.equal(204);
      await say(b, "E o de vocês?", cookie);
      const atB = await answered(b, cookie);
      expect(JSON.stringify(atB)).to.include("Beta").and.not.include("Alfa").and.not.include("Qual é o horário?");
      expect(await messagesOf(a, cookie)).to.deep.equal(messages);
    });

    it("fails a job that names the other company's message, and writes nothing there", async () => {
      const [theirs] = await platform.query<{ conversation: string; message: string }>(
        `WITH c AS (INSERT INTO tenant_${b.id}.conversations (channel, contact_key) VALUES ('web', 'plantado') RETURNING id)
         INSERT INTO tenant_${b.id}.inbound_messages (conversation_id, body) SELECT id, 'sem resposta' FROM c
         RETURNING conversation_id AS conversation, id AS message`,
      );
      const data = { conversationId: theirs?.conversation, messageId: theirs?.message };
      await withTenantQueue(platform.ctx.redis, { companyId: a.id }, async (queue) => {
        const job = await queue.add("chat.reply", { ...data, companyId: b.id, tenant: b.slug }, { attempts: 5 });
        await until(
          () => job.getState(),
          (state) => state === "failed",
          { what: "the failure" },
        );
        expect((await queue.getJob(job.id!))?.failedReason).to.match(/not in this conversation/);
      });
      for (const { id } of [a, b]) {
        const replies = await platform.query(
          `SELECT 1 FROM tenant_${id}.outbound_messages WHERE conversation_id = $1`,
          [theirs?.conversation],
        );
        expect(replies, `tenant_${id}`).to.deep.equal([]);
      }
      // B's own worker was able to all along.
      await withTenantQueue(platform.ctx.redis, { companyId: b.id }, (queue) => queue.add("chat.reply", data));
      await until(
        () =>
          platform.query(`SELECT body FROM tenant_${b.id}.outbound_messages WHERE in_reply_to = $1`, [data.messageId]),
        (rows) => rows.length === 1,
        { what: "B's reply" },
      );
    });

    it("keeps scripts of one company's Redis user out of the other's queue and events", async () => {
      const url = redisUrlFor(platform.ctx.redisUrl, `tenant_${a.id}`, redisPassword(platform.ctx.secrets, a.id));
      const redis = new Redis(url);
      try {
        const keyOf = ({ id }: Company, name: string) => `tenant:{${id}}:${name}`;
        const add = "return redis.call('XADD', ARGV[1], '*', 'type', 'chat.reply')";
        const read = "return redis.call('HGET', ARGV[1], 'slug')";
        expect(await redis.eval(read, 0, keyOf(a, "meta"))).to.equal(a.slug);
        const attempts = [
          redis.eval(read, 0, keyOf(b, "meta")),
          redis.eval(add, 0, keyOf(b, "events")),
          redis.eval(add, 1, keyOf(b, "events"), keyOf(b, "events")),
          redis.lpush(keyOf(b, "queue:default:wait"), "1"),
          redis.call("RENAME", keyOf(a, "meta"), keyOf(b, "meta")),
          redis.call("COPY", keyOf(b, "meta"), keyOf(a, "stolen")),
        ];
        for (const attempt of await Promise.allSettled(attempts)) {
          expect(attempt.status).to.equal("rejected");
          expect(String((attempt as PromiseRejectedResult).reason)).to.match(
            /NOPERM|can't access at least one of the keys|No permissions/,
          );
        }
      } finally {
        redis.disconnect();
      }
    });
  });
});
