import { Router, type Request, type RequestHandler, type Response } from "express";
import { AppError } from "../../../core/errors.ts";
import { jsonBody } from "../../../core/http.ts";
import { parseBody, uuidPattern } from "../../../core/validation.ts";
import { requirePermission } from "../../guard/require-permission.ts";
import { hostUrl } from "../../host-url.ts";
import { changePerson, invitePerson, removePerson, renewPassword } from "./change-person.ts";
import type { PasswordLink } from "./password-link.ts";
import { findPerson, listPeople, type PersonRow } from "./person-store.ts";
import { newPerson, personChange } from "./schemas.ts";

/** `/v1/users`: the company's people. */
export function personRoutes(guard: RequestHandler): Router {
  const router = Router();
  const reader = [guard, requirePermission("people:read")];
  const manager = [guard, requirePermission("people:manage")];

  router.get("/v1/users", reader, async (req: Request, res: Response) => {
    res.json({ users: (await listPeople(req.tenant.db)).map(presentPerson) });
  });

  router.get("/v1/users/:id", reader, async (req: Request, res: Response) => {
    const person = await findPerson(req.tenant.db, checkedId(req));
    if (person === undefined) throw noPerson();
    res.json(presentPerson(person));
  });

  router.post("/v1/users", manager, jsonBody, async (req: Request, res: Response) => {
    const { person, link } = await invitePerson(req.tenant, req.user, parseBody(newPerson, req.body));
    res.status(201).location(`/v1/users/${person.id}`);
    res.json({ user: presentPerson(person), ...presentLink(req, link) });
  });

  router.patch("/v1/users/:id", manager, jsonBody, async (req: Request, res: Response) => {
    const change = parseBody(personChange, req.body);
    res.json(presentPerson(await changePerson(req.tenant, req.user, { id: checkedId(req), change })));
  });

  router.delete("/v1/users/:id", manager, async (req: Request, res: Response) => {
    await removePerson(req.tenant, req.user, checkedId(req));
    res.status(204).end();
  });

  router.post("/v1/users/:id/password-link", manager, async (req: Request, res: Response) => {
    const { person, link } = await renewPassword(req.tenant, req.user, checkedId(req));
    res.status(201).json({ user: presentPerson(person), ...presentLink(req, link) });
  });
  return router;
}

function presentPerson(row: PersonRow) {
  const { id, email, name, role, group_id: groupId, is_active: isActive, has_password: hasPassword } = row;
  const lastLoginAt = row.last_login_at?.toISOString() ?? null;
  return {
    id,
    email,
    name,
    role,
    groupId,
    isActive,
    hasPassword,
    lastLoginAt,
    createdAt: row.created_at.toISOString(),
  };
}

/** The secret is in the fragment, which browsers send to no server; this answer is the only place that has it. */
const presentLink = (req: Request, { token, expiresAt }: PasswordLink) => ({
  setupUrl: `${hostUrl(req, "chat")}/setup#${token}`,
  expiresAt: expiresAt.toISOString(),
});

/** An id of another form names nobody; PostgreSQL would call it an error. */
function checkedId({ params: { id } }: Request): string {
  if (typeof id !== "string" || !uuidPattern.test(id)) throw noPerson();
  return id.toLowerCase();
}

const noPerson = () => new AppError("not-found", "There is no such person.");
