/** Conversations of others: by a visitor's cookie, from another site, on the stream of events. */
import { request } from "node:https";
import { expect } from "chai";
import type { Attack } from "./attack.ts";
import type { World } from "./world.ts";

const talks = async ({ ask, a }: World): Promise<void> => {
  expect((await ask(a.chat, "POST /messages", { body: { text: "Olá" } })).status).to.equal(201);
};

export const chatAttacks: readonly Attack[] = [
  {
    name: "reads the victim's conversation with its visitor's cookie",
    defence: "a handle of one's own",
    control: talks,
    async run({ ask, a, b }) {
      const { Cookie } = await openConversation({ ask, host: b.chat });
      expect((await ask(b.chat, "GET /messages", { headers: { Cookie } })).body.messages).to.have.length.at.least(1);
      expect((await ask(a.chat, "GET /messages", { headers: { Cookie } })).body.messages).to.deep.equal([]);
      expect((await ask(a.chat, "GET /events", { headers: { Cookie } })).status).to.equal(204);
    },
  },
  {
    name: "sends a message to the victim from its own page",
    defence: "messages of one's own page",
    control: talks,
    async run({ ask, a, b }) {
      const body = { text: "de fora" };
      for (const headers of [
        { Origin: `https://${a.chat}` },
        { "Sec-Fetch-Site": "cross-site" },
        { "Sec-Fetch-Site": "same-site" },
        { Origin: "null" },
      ] as Record<string, string>[])
        expect((await ask(b.chat, "POST /messages", { body, headers })).status, JSON.stringify(headers)).to.equal(403);
    },
  },
  {
    name: "hears another visitor's answers",
    defence: "events of one conversation",
    control: talks,
    async run({ ask, a, platform }) {
      const [mine, theirs] = [
        await openConversation({ ask, host: a.chat }),
        await openConversation({ ask, host: a.chat }),
      ];
      const say = (conversationId: string, body: string) =>
        platform.ctx.redis.xadd(
          `tenant:{${a.id}}:events`,
          "*",
          "type",
          "chat.reply",
          "conversationId",
          conversationId,
          "data",
          JSON.stringify({ id: body, body, createdAt: "2026-01-01T00:00:00Z" }),
        );
      const idOf = async (text: string): Promise<string> =>
        (
          await platform.query<{ id: string }>(
            `SELECT conversation_id AS id FROM tenant_${a.id}.inbound_messages WHERE id = $1`,
            [text],
          )
        )[0]!.id;
      const [mineId, theirsId] = [await idOf(mine.id), await idOf(theirs.id)];
      const heard = await hear(
        { port: platform.httpsPort, host: a.chat, Cookie: mine.Cookie },
        async () => {
          await say(theirsId, "só deles");
          await say(mineId, "o fim");
        },
        "o fim",
      );
      expect(heard).not.to.include("só deles");
    },
  },
];

async function openConversation({
  ask,
  host,
}: {
  ask: World["ask"];
  host: string;
}): Promise<{ Cookie: string; id: string }> {
  const { headers, body } = await ask(host, "POST /messages", { body: { text: "Olá" } });
  return { Cookie: headers["set-cookie"]?.[0]?.split(";")[0] ?? "", id: body.message.id };
}

/** What the stream brought until the text came. */
function hear(
  { port, host, Cookie }: { port: number; host: string; Cookie: string },
  then: () => Promise<unknown>,
  last: string,
): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const options = {
      host: "127.0.0.1",
      port,
      path: "/events",
      servername: host,
      headers: { Host: `${host}:${port}`, Cookie },
      agent: false,
    };
    // Who answers is not the question here; the certificate's authority is this run's own.
    const asked = request({ ...options, rejectUnauthorized: false }, (answer) => {
      then().catch(reject);
      answer.setEncoding("utf8").on("data", (piece: string) => {
        text += piece;
        if (!text.includes(last)) return;
        asked.destroy();
        resolve(text);
      });
      answer.on("error", () => undefined);
    });
    asked.on("error", reject).end();
  });
}
