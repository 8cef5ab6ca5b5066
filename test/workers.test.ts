import { expect } from "chai";
import { addTenantJob, withTenantQueue } from "../core/queues.ts";
import { workerKey, workerSetKey } from "../core/tenant.ts";
import { runCli, startCli } from "./support/cli.ts";
import { usePlatform } from "./support/platform.ts";
import { until } from "./support/wait.ts";

describe("workers", () => {
  const platform = usePlatform({ workers: true });

  async function provision(): Promise<number> {
    return (await platform.createTenant()).id;
  }

  /** A message of the chat page, as the runtime writes it; answers its ids. */
  async function writeMessage(id: number, text: string): Promise<{ conversationId: string; messageId: string }> {
    const [row] = await platform.query<{ conversationId: string; messageId: string }>(
      `WITH talk AS (INSERT INTO tenant_${id}.conversations (channel, contact_key) VALUES ('web', gen_random_uuid()::text) RETURNING id)
       INSERT INTO tenant_${id}.inbound_messages (conversation_id, body) SELECT id, $1 FROM talk
       RETURNING conversation_id AS "conversationId", id AS "messageId"`,
      [text],
    );
    return row as { conversationId: string; messageId: string };
  }

  const replies = (id: number, messageId: string) =>
    platform.query<{ body: string }>(`SELECT body FROM tenant_${id}.outbound_messages WHERE in_reply_to = $1`, [
      messageId,
    ]);

  const runWorker = (...args: string[]) =>
    runCli("scripts/spawn-worker", args, { platform, env: { LOG_LEVEL: "error" } });

  it("answer a message once, however often its job runs", async () => {
    const id = await provision();
    const message = await writeMessage(id, "Bom dia");
    await addTenantJob(platform.ctx.queues, id, { name: "chat.reply", data: message, id: message.messageId });
    await until(
      () => replies(id, message.messageId),
      (rows) => rows.length === 1,
      { what: "the reply" },
    );
    await addTenantJob(platform.ctx.queues, id, {
      name: "chat.reply",
      data: message,
      id: `${message.messageId}-again`,
    });
    await withTenantQueue(platform.ctx.queues, { companyId: id }, (queue) =>
      until(
        () => queue.getCompletedCount(),
        (count) => count === 2,
        { what: "both jobs" },
      ),
    );
    expect(await replies(id, message.messageId)).to.have.length(1);
  });

  it("take a job that came without a word from its producer", async () => {
    const id = await provision();
    const message = await writeMessage(id, "Olá");
    await withTenantQueue(platform.ctx.queues, { companyId: id }, (queue) => queue.add("chat.reply", message));
    await until(
      () => replies(id, message.messageId),
      (rows) => rows.length === 1,
      { what: "the reply" },
    );
  });

  it("hold no Redis connection for a company without work", async () => {
    const connectionsOf = async (id: number) =>
      String(await platform.ctx.redis.call("CLIENT", "LIST")).split(`user=tenant_${id} `).length - 1;
    const tenant = await platform.createTenant();
    const { id } = tenant;
    await tenant.hasWorkers(1);
    expect(await connectionsOf(id)).to.equal(0);
    const message = await writeMessage(id, "Oi");
    await addTenantJob(platform.ctx.queues, id, { name: "chat.reply", data: message, id: message.messageId });
    await until(
      () => connectionsOf(id),
      (count) => count > 0,
      { what: "waking up" },
    );
  });

  it("fail a job they do not know for good, and go on", async () => {
    const id = await provision();
    await withTenantQueue(platform.ctx.queues, { companyId: id }, async (queue) => {
      const job = await queue.add("constructor", {}, { attempts: 5 });
      await until(
        () => job.getState(),
        (state) => state === "failed",
      );
      expect((await queue.getJob(job.id as string))?.attemptsMade).to.equal(1);
    });
  });

  it("leave when their company is suspended, and come back with it", async () => {
    const tenant = await platform.createTenant();
    const { id } = tenant;
    const active = (wanted: number) => tenant.hasWorkers(wanted, { seconds: 30 });
    await active(1);
    await platform.query("UPDATE companies SET desired_state = 'suspended' WHERE id = $1", [id]);
    await active(0);
    await platform.query("UPDATE companies SET desired_state = 'active' WHERE id = $1", [id]);
    await active(1);
  });

  describe("spawned for one company", () => {
    it("are in the registry while they run and out of it after SIGTERM", async () => {
      const id = await provision();
      const args = ["--company-id", String(id), "--worker-id", "extra-1"];
      const worker = startCli("scripts/spawn-worker", args, { platform, env: { LOG_LEVEL: "error" } });
      const key = workerKey(id, "extra-1");
      const look = () => {
        worker.checkRunning();
        return platform.ctx.redis.hgetall(key);
      };
      await until(look, (entry) => entry["status"] === "running", { what: "registration" });
      expect(await platform.ctx.redis.smembers(workerSetKey(id))).to.include("extra-1");
      expect((await platform.ctx.redis.hgetall(key))["pid"]).to.equal(String(worker.child.pid));
      await until(
        () => platform.api.get("/metrics"),
        ({ body }) => body.includes(`secretaria_tenant_active_workers{company="${id}"} 2`),
        { what: "the metric" },
      );
      expect((await worker.stop("SIGTERM")).status, worker.output()).to.equal(0);
      expect(await platform.ctx.redis.exists(key)).to.equal(0);
      expect(await platform.ctx.redis.smembers(workerSetKey(id))).not.to.include("extra-1");
    });

    it("end by themselves with --burst once the queue is empty", async () => {
      const id = await provision();
      const message = await writeMessage(id, "rajada");
      await withTenantQueue(platform.ctx.queues, { companyId: id, queue: "imports" }, (queue) =>
        queue.add("chat.reply", message),
      );
      const ended = await runWorker("--company-id", String(id), "--queue", "imports", "--burst");
      expect(ended.status, ended.stdout + ended.stderr).to.equal(0);
      expect(ended.stdout + ended.stderr).to.include("the queue is empty");
      expect(await replies(id, message.messageId)).to.have.length(1);
    });

    it("say what is wrong with their arguments", async () => {
      const unknown = await runWorker("--company-id", "999999999");
      expect(unknown.status).to.equal(1);
      expect(unknown.stdout + unknown.stderr).to.include("company 999999999 does not exist or is not active");
      const wrong = await runWorker("--company-id", "acme");
      expect(wrong.status).to.equal(2);
      expect(wrong.stdout + wrong.stderr)
        .to.include("Usage:")
        .and.include("companyId");
    });
  });
});
