import type { Knex } from "../../../core/db.ts";

/** A message as pages and programs see it. */
export interface Message {
  readonly id: string;
  readonly from: "visitor" | "company";
  readonly body: string;
  readonly createdAt: string;
}

interface Row {
  readonly id: string;
  readonly sender: "visitor" | "company";
  readonly body: string;
  readonly created_at: Date;
}

const shownAtMost = 200;

export async function findConversation(db: Knex, contactKey: string): Promise<string | undefined> {
  const row = await db("conversations").where({ channel: "web", contact_key: contactKey }).first("id");
  return row?.id as string | undefined;
}

/** The newest 200 messages of both sides, oldest first. */
export async function listMessages(db: Knex, contactKey: string): Promise<Message[]> {
  const { rows } = await db.raw<{ rows: Row[] }>(
    `WITH conversation AS MATERIALIZED (
       SELECT id FROM conversations WHERE channel = 'web' AND contact_key = :contactKey
     )
     SELECT * FROM (
       SELECT id, 'visitor' AS sender, body, created_at FROM inbound_messages
        WHERE conversation_id = (SELECT id FROM conversation)
       UNION ALL
       SELECT id, 'company', body, created_at FROM outbound_messages
        WHERE conversation_id = (SELECT id FROM conversation)
       ORDER BY created_at DESC, sender LIMIT :shownAtMost
     ) AS newest ORDER BY created_at, sender DESC`,
    { contactKey, shownAtMost },
  );
  return rows.map(toMessage);
}

/** Opens the visitor's conversation when there is none, or opens it again, and adds the message. */
export async function addInboundMessage(
  db: Knex,
  contactKey: string,
  body: string,
): Promise<{ conversationId: string; message: Message }> {
  const [conversation] = await db("conversations")
    .insert({ channel: "web", contact_key: contactKey, last_inbound_at: db.fn.now() })
    .onConflict(["channel", "contact_key"])
    .merge({ last_inbound_at: db.fn.now(), status: "open", updated_at: db.fn.now() })
    .returning("id");
  const conversationId = conversation.id as string;
  const [row] = await db("inbound_messages")
    .insert({ conversation_id: conversationId, body })
    .returning(["id", "body", "created_at"]);
  return { conversationId, message: toMessage({ ...row, sender: "visitor" }) };
}

const toMessage = ({ id, sender, body, created_at }: Row): Message => ({
  id,
  from: sender,
  body,
  createdAt: created_at.toISOString(),
});
