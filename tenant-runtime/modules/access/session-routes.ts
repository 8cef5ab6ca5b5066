import { Router, type Request, type RequestHandler } from "express";
import { z } from "zod";
import { AppError } from "../../../core/errors.ts";
import { parseQuery, uuidPattern } from "../../../core/validation.ts";
import { isLeading } from "../../guard/permissions.ts";
import { outranks } from "../../guard/ranks.ts";
import type { TenantUser } from "../../request-tenant.ts";
import { findSession, listSessionsOf, listSupportSessions, type SessionRow } from "./session-list.ts";
import { revokeSession, revokeSessionsOf } from "./session-store.ts";

const listQuery = z.strictObject({ user: z.string().regex(uuidPattern, "is not a user's id").optional() });

/** `/v1/sessions`: everybody's own; owners and admins see others' too, and the visits of the platform's support. */
export function sessionRoutes(guard: RequestHandler): Router {
  const router = Router();

  router.get("/v1/sessions", guard, async (req, res) => {
    const { user: userId = req.user.id } = parseQuery(listQuery, req.query);
    if (userId !== req.user.id && !isLeading(req.user.role)) throw notYours();
    const own = await listSessionsOf(req.tenant.db, userId);
    const support = isLeading(req.user.role) ? await listSupportSessions(req.tenant.db) : undefined;
    const present = (row: SessionRow) => presentSession(row, req.user.sessionId);
    res.json({ sessions: own.map(present), ...(support ? { support: support.map(present) } : {}) });
  });

  router.delete("/v1/sessions/:id", guard, async (req, res) => {
    const session = await findSession(req.tenant.db, checkedId(req));
    if (session === undefined || !mayEnd(req.user, session)) throw noSession();
    await revokeSession(req.tenant.db, session.id);
    res.status(204).end();
  });

  router.delete("/v1/sessions", guard, async (req, res) => {
    res.json({ ended: await revokeSessionsOf(req.tenant.db, req.user.id, req.user.sessionId) });
  });
  return router;
}

/** One's own; and for owners and admins those of people who do not rank above them, and the support's. */
function mayEnd(user: TenantUser, session: SessionRow): boolean {
  if (session.user_id === user.id || session.id === user.sessionId) return true;
  if (!isLeading(user.role) || !user.permissions.includes("people:manage")) return false;
  return session.role === null || !outranks(session.role, user.role);
}

function presentSession(row: SessionRow, currentId: string) {
  const { id, kind, ip, user_agent: userAgent } = row;
  const support = row.impersonated_by === null ? {} : { impersonatedBy: row.impersonated_by, reason: row.reason };
  return {
    id,
    kind,
    userId: row.user_id,
    ...support,
    ip,
    userAgent,
    createdAt: row.created_at.toISOString(),
    lastUsedAt: row.last_used_at?.toISOString() ?? null,
    expiresAt: row.expires_at.toISOString(),
    endedAt: row.revoked_at?.toISOString() ?? null,
    isCurrent: id === currentId,
  };
}

/** An id of another form names nothing; PostgreSQL would call it an error. */
function checkedId({ params: { id } }: Request): string {
  if (typeof id !== "string" || !uuidPattern.test(id)) throw noSession();
  return id;
}

/** Somebody else's session is not there for those who may not end it. */
const noSession = () => new AppError("not-found", "There is no such session, or it has ended.");
const notYours = () => new AppError("not-allowed", "Owners and admins see the sessions of others.");
