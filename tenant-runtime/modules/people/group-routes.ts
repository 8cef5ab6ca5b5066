import { Router, type Request, type RequestHandler, type Response } from "express";
import { AppError, isUniqueViolation } from "../../../core/errors.ts";
import { jsonBody } from "../../../core/http.ts";
import { parseBody, uuidPattern } from "../../../core/validation.ts";
import { permissions } from "../../guard/permissions.ts";
import { requirePermission } from "../../guard/require-permission.ts";
import { changePeople, refuseUnlessLeading } from "./authority.ts";
import { deleteGroup, findGroup, insertGroup, listGroups, updateGroup, type GroupRow } from "./group-store.ts";
import { groupChange, newGroup } from "./schemas.ts";

/** `/v1/groups`: what members may do, and in which stores. */
export function groupRoutes(guard: RequestHandler): Router {
  const router = Router();
  const manager = [guard, requirePermission("people:manage")];

  router.get("/v1/groups", guard, requirePermission("people:read"), async (req: Request, res: Response) => {
    res.json({ groups: await listGroups(req.tenant.db), permissions });
  });

  router.post("/v1/groups", manager, jsonBody, async (req: Request, res: Response) => {
    const body = parseBody(newGroup, req.body);
    const group = await changePeople(req.tenant, req.user, async (db, actor) => {
      refuseUnlessLeading(actor);
      return found(await findGroup(db, await insertGroup(db, body).catch(explain)));
    });
    res.status(201).json(group);
  });

  router.patch("/v1/groups/:id", manager, jsonBody, async (req: Request, res: Response) => {
    const id = checkedId(req);
    const body = parseBody(groupChange, req.body);
    const group = await changePeople(req.tenant, req.user, async (db, actor) => {
      refuseUnlessLeading(actor);
      await updateGroup(db, found(await findGroup(db, id)).id, body).catch(explain);
      return found(await findGroup(db, id));
    });
    res.json(group);
  });

  router.delete("/v1/groups/:id", manager, async (req: Request, res: Response) => {
    const id = checkedId(req);
    await changePeople(req.tenant, req.user, async (db, actor) => {
      refuseUnlessLeading(actor);
      if ((await deleteGroup(db, id)) === 0) found(undefined);
    });
    res.status(204).end();
  });
  return router;
}

const checkedId = ({ params: { id } }: Request): string =>
  found(typeof id === "string" && uuidPattern.test(id) ? id : undefined);

function found<T extends string | GroupRow>(value: T | undefined): T {
  if (value === undefined) throw new AppError("not-found", "There is no such group.");
  return value;
}

/** @throws AppError for what the database's own rules refuse, the error itself otherwise. */
function explain(error: unknown): never {
  if (isUniqueViolation(error, "user_groups_name_key")) {
    const errors = [{ pointer: "/name", detail: "belongs to another group" }];
    throw new AppError("already-exists", "Another group has this name.", { errors });
  }
  if ((error as { code?: unknown }).code !== "23503") throw error;
  const errors = [{ pointer: "/stores", detail: "names a store that is not there" }];
  throw new AppError("invalid-request", "Name stores of the company only.", { errors });
}
