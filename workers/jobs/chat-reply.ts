/** Answers one message of the chat page: the reply is a row, and an event for whoever has the page open. */
import { randomUUID } from "node:crypto";
import { UnrecoverableError } from "bullmq";
import { z } from "zod";
import { eventStreamKey } from "../../core/tenant.ts";
import type { Knex } from "../../core/db.ts";
import type { JobContext } from "../context.ts";

const dataSchema = z.object({ conversationId: z.uuid(), messageId: z.uuid() });

interface Reply {
  readonly id: string;
  readonly body: string;
  readonly created_at: Date;
}

/** Exactly one reply for each message, however often the job runs; the event may come twice, with the same id. */
export async function chatReply(ctx: JobContext, data: unknown): Promise<void> {
  const parsed = dataSchema.safeParse(data);
  if (!parsed.success) throw new UnrecoverableError("the job's data does not name a message");
  const { conversationId, messageId } = parsed.data;
  const reply = await ctx.transaction((db) => writeReply(db, { conversationId, messageId, company: ctx.tenant.name }));
  const event = JSON.stringify({ id: reply.id, body: reply.body, createdAt: reply.created_at.toISOString() });
  const fields = ["type", "chat.reply", "conversationId", conversationId, "data", event];
  await ctx.redis.xadd(eventStreamKey(ctx.tenant.id), "MAXLEN", "~", 1000, "*", ...fields);
}

async function writeReply(
  db: Knex,
  message: { conversationId: string; messageId: string; company: string },
): Promise<Reply> {
  const { conversationId, messageId, company } = message;
  const inbound = await db("inbound_messages").where({ id: messageId, conversation_id: conversationId }).first("body");
  if (inbound === undefined) throw new UnrecoverableError("the message is not in this conversation");
  const claimed = await db("message_replies")
    .insert({ inbound_message_id: messageId, outbound_message_id: randomUUID() })
    .onConflict("inbound_message_id")
    .ignore()
    .returning("outbound_message_id");
  if (claimed[0] === undefined) return findReply(db, messageId);
  const [reply] = await db("outbound_messages")
    .insert({
      id: claimed[0].outbound_message_id,
      conversation_id: conversationId,
      in_reply_to: messageId,
      body: answerTo(inbound.body, company),
      status: "sent",
    })
    .returning(["id", "body", "created_at"]);
  return reply as Reply;
}

async function findReply(db: Knex, messageId: string): Promise<Reply> {
  const known = await db("message_replies").where({ inbound_message_id: messageId }).first("outbound_message_id");
  const reply = await db("outbound_messages")
    .where({ id: known.outbound_message_id })
    .first(["id", "body", "created_at"]);
  return reply as Reply;
}

/** Until a person or a model answers, the company says that it has read the message. */
function answerTo(text: string, company: string): string {
  const short = text.length > 120 ? `${text.slice(0, 119)}…` : text;
  return `Olá! Aqui é da ${company}. Recebemos sua mensagem: “${short}”. Já vamos continuar por aqui.`;
}
