/** Jobs in the attacker's own queue that try to work on the victim. */
import { expect } from "chai";
import { withTenantQueue } from "../../core/queues.ts";
import { until } from "../support/wait.ts";
import type { Attack } from "./attack.ts";
import type { World } from "./world.ts";

interface Planted {
  readonly conversationId: string;
  readonly messageId: string;
}

/** A message without an answer. */
async function plant({ platform }: World, companyId: number): Promise<Planted> {
  const [row] = await platform.query<{ conversationId: string; messageId: string }>(
    `WITH c AS (INSERT INTO tenant_${companyId}.conversations (channel, contact_key)
                VALUES ('web', gen_random_uuid()::text) RETURNING id)
     INSERT INTO tenant_${companyId}.inbound_messages (conversation_id, body) SELECT id, 'sem resposta' FROM c
     RETURNING conversation_id AS "conversationId", id AS "messageId"`,
  );
  return row as Planted;
}

/** Puts a job in the attacker's queue and answers how it ended. */
function run(
  { platform, a }: World,
  name: string,
  data: object,
): Promise<{ state: string; reason: string | undefined }> {
  return withTenantQueue(platform.ctx.redis, { companyId: a.id }, async (queue) => {
    const job = await queue.add(name, data, { attempts: 1 });
    const state = await until(
      () => job.getState(),
      (is) => is === "failed" || is === "completed",
      { what: name },
    );
    return { state, reason: (await queue.getJob(job.id as string))?.failedReason };
  });
}

const worksForItself = async (world: World): Promise<void> => {
  const own = await plant(world, world.a.id);
  expect((await run(world, "chat.reply", own)).state).to.equal("completed");
};

const repliesTo = ({ platform }: World, companyId: number, { conversationId }: Planted) =>
  platform.query(`SELECT body FROM tenant_${companyId}.outbound_messages WHERE conversation_id = $1`, [conversationId]);

/** A job that names the victim beside its message fails, and nobody wrote an answer anywhere. */
const named = (name: string, claims: (world: World) => object): Attack => ({
  name,
  defence: "a job's company is its queue's",
  control: worksForItself,
  async run(world) {
    const theirs = await plant(world, world.b.id);
    const { state, reason } = await run(world, "chat.reply", { ...theirs, ...claims(world) });
    expect([state, reason]).to.deep.equal(["failed", "the message is not in this conversation"]);
    for (const { id } of [world.a, world.b]) expect(await repliesTo(world, id, theirs)).to.deep.equal([]);
  },
});

export const jobAttacks: readonly Attack[] = [
  named("names the victim's message in a job of its own", () => ({})),
  named("names the victim in a job's data", ({ b }) => ({
    companyId: b.id,
    tenantId: b.id,
    tenant: { id: b.id, uuid: b.uuid },
    schema: `tenant_${b.id}`,
  })),
  {
    name: "names its own conversation and the victim's message",
    defence: "a job's company is its queue's",
    control: worksForItself,
    async run(world) {
      const [own, theirs] = [await plant(world, world.a.id), await plant(world, world.b.id)];
      for (const data of [
        { ...own, messageId: theirs.messageId },
        { ...theirs, messageId: own.messageId },
      ])
        expect((await run(world, "chat.reply", data)).state).to.equal("failed");
    },
  },
  {
    name: "names a message of another conversation of its own",
    defence: "a job's data are looked up",
    control: worksForItself,
    async run(world) {
      const [one, other] = [await plant(world, world.a.id), await plant(world, world.a.id)];
      expect((await run(world, "chat.reply", { ...one, messageId: other.messageId })).state).to.equal("failed");
    },
  },
  {
    name: "calls jobs by names that every object has",
    defence: "jobs by their own names",
    control: worksForItself,
    async run(world) {
      for (const name of ["constructor", "toString", "__proto__", "hasOwnProperty", "chat.reply "]) {
        const { state, reason } = await run(world, name, {});
        expect([state, reason?.startsWith("there is no job")], name).to.deep.equal(["failed", true]);
      }
    },
  },
  {
    name: "sends data of another shape",
    defence: "a job's data are checked",
    control: worksForItself,
    async run(world) {
      for (const data of [
        {},
        { conversationId: "x' OR 1=1 --", messageId: "x" },
        { conversationId: { $ne: 1 }, messageId: ["x"] },
      ]) {
        const { state, reason } = await run(world, "chat.reply", data);
        expect([state, reason]).to.deep.equal(["failed", "the job's data does not name a message"]);
      }
    },
  },
];
