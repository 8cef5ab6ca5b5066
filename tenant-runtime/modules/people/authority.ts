/** Who may do what to whom. Nobody gains a right through any of these, and nobody reaches above themselves. */
import type { Knex } from "../../../core/db.ts";
import { AppError } from "../../../core/errors.ts";
import { isLeading, isWithinStores } from "../../guard/permissions.ts";
import { outranks } from "../../guard/ranks.ts";
import type { RequestTenant, TenantUser } from "../../request-tenant.ts";
import { findSessionUser } from "../access/session-user.ts";
import { findGroup } from "./group-store.ts";
import type { PersonRow } from "./person-store.ts";

/**
 * One change of people or groups at a time in a company, by somebody who may make it now: what was allowed when the
 * request came in may have been taken away by the change before.
 * @throws AppError `token-invalid` or `not-allowed`.
 */
export function changePeople<T>(
  tenant: RequestTenant,
  { sessionId }: TenantUser,
  work: (db: Knex, actor: TenantUser) => Promise<T>,
): Promise<T> {
  return tenant.transaction(async (db) => {
    // Every company has an owner, so there is a row to queue up at; sign-ins, which only refer to it, do not wait.
    await db("users").where({ role: "owner" }).orderBy("id").forNoKeyUpdate().select("id");
    const actor = await findSessionUser(db, sessionId);
    if (actor === undefined) throw new AppError("token-invalid", "The session has ended. Sign in again.");
    if (!actor.permissions.includes("people:manage")) throw notAllowed("You may not change people any more.");
    return work(db, actor);
  });
}

/** @throws AppError `not-allowed` when the person stands above the actor, or may do what the actor may not. */
export async function refuseAbove(db: Knex, actor: TenantUser, person: PersonRow): Promise<void> {
  if (outranks(person.role, actor.role)) throw notAllowed(`Only an ${person.role} may change this person.`);
  if (person.id !== actor.id) await refuseGroup(db, actor, person.group_id);
}

/** @throws AppError `not-allowed`: nobody gives a role above their own. */
export function refuseRole(actor: TenantUser, role: string | undefined): void {
  if (role !== undefined && outranks(role, actor.role)) throw notAllowed(`Only an ${role} may make somebody ${role}.`);
}

/** @throws AppError `not-allowed` when the group may do what the actor may not; `invalid-request` when there is none. */
export async function refuseGroup(db: Knex, actor: TenantUser, groupId: string | null | undefined): Promise<void> {
  if (groupId === null || groupId === undefined) return;
  const group = await findGroup(db, groupId);
  if (group === undefined) {
    const errors = [{ pointer: "/groupId", detail: "is no group of this company" }];
    throw new AppError("invalid-request", "Choose a group of GET /v1/groups.", { errors });
  }
  if (isLeading(actor.role)) return;
  const own = new Set<string>(actor.permissions);
  if (group.permissions.every((one) => own.has(one)) && isWithinStores(group.stores, actor.stores)) return;
  throw notAllowed("This group may do more than you may; ask an owner or admin.");
}

/** @throws AppError `not-allowed` for members: who manages people would otherwise write their own rights. */
export function refuseUnlessLeading(actor: TenantUser): void {
  if (!isLeading(actor.role)) throw notAllowed("Only owners and admins change groups.");
}

export const notAllowed = (message: string) => new AppError("not-allowed", message);
