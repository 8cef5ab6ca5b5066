import { Router, type Request, type Response } from "express";
import { loadAssets } from "../../assets.ts";
import { requireModule } from "../../guard/require-module.ts";
import type { RuntimeContext } from "../../context.ts";
import { parseBody } from "../../../core/validation.ts";
import { addInboundMessage, findConversation, listMessages } from "./conversation-store.ts";
import { limitMessages } from "./limits.ts";
import { messageBody, readMessageBody } from "./message-body.ts";
import { createChatPages } from "./pages.ts";
import { streamReplies } from "./stream-replies.ts";
import { ensureVisitor, findVisitor, refuseOtherSites } from "./visitor.ts";

const lateNote = "The message is stored. Its answer comes as soon as the service behind it is back.";

/** The chat host: the visitor's page with its messages and live answers, and the pages behind one-time links. */
export function chatRoutes(ctx: RuntimeContext): Router {
  const router = Router();
  const assets = loadAssets();
  const pages = createChatPages(assets);

  router.use(assets.routes);
  router.get("/setup", (req, res) => void res.type("html").send(pages.setup(req.tenant, req)));
  router.get("/impersonate", (req, res) => void res.type("html").send(pages.impersonate(req.tenant, req)));
  router.use(requireModule("chat"));

  router.get("/", async (req, res) => {
    const visitor = findVisitor(req);
    const messages = visitor === undefined ? [] : await listMessages(req.tenant.db, visitor);
    ensureVisitor(req, res);
    res.type("html").send(pages.chat(req.tenant, messages, req.query["later"] === "1"));
  });

  router.get("/messages", async (req, res) => {
    const visitor = findVisitor(req);
    res.json({ messages: visitor === undefined ? [] : await listMessages(req.tenant.db, visitor) });
  });

  router.post("/messages", limitMessages(), readMessageBody, (req: Request, res: Response) =>
    sendMessage(ctx, req, res),
  );

  router.get("/events", async (req, res) => {
    const visitor = findVisitor(req);
    const conversationId = visitor && (await findConversation(req.tenant.db, visitor));
    // 204 tells an EventSource to stay away: without a conversation there is nothing to hear.
    if (conversationId === undefined) res.status(204).end();
    else await streamReplies(ctx, { req, res, conversationId });
  });
  return router;
}

/** The message is stored first; without a worker's queue it is still the visitor's, and its answer comes later. */
async function sendMessage(ctx: RuntimeContext, req: Request, res: Response): Promise<void> {
  refuseOtherSites(req);
  const { text } = parseBody(messageBody, req.body);
  const visitor = ensureVisitor(req, res);
  const { conversationId, message } = await req.tenant.transaction((db) => addInboundMessage(db, visitor, text));
  const data = { conversationId, messageId: message.id };
  const isOrdered = await ctx.replyOrders.place({ companyId: req.tenant.id, data });
  if (!req.is("application/json")) res.redirect(303, isOrdered ? "/" : "/?later=1");
  else if (isOrdered) res.status(201).json({ message });
  else res.status(202).json({ message, note: lateNote });
}
