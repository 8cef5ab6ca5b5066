/** Inviting, changing and removing people. Each is one transaction, and one at a time in a company. */
import type { Knex } from "../../../core/db.ts";
import { AppError, isUniqueViolation } from "../../../core/errors.ts";
import type { RequestTenant, TenantUser } from "../../request-tenant.ts";
import { revokeSessionsOf } from "../access/session-store.ts";
import { changePeople, notAllowed, refuseAbove, refuseGroup, refuseRole } from "./authority.ts";
import { dropLinks, makePasswordLink, type PasswordLink } from "./password-link.ts";
import { countActive, deletePerson, findPerson, insertPerson, updatePerson, type PersonRow } from "./person-store.ts";
import type { NewPerson, PersonChange } from "./schemas.ts";

interface Linked {
  readonly person: PersonRow;
  readonly link: PasswordLink;
}

/** @throws AppError `plan-limit-reached`, `already-exists`, `not-allowed`, `invalid-request`. */
export function invitePerson(tenant: RequestTenant, user: TenantUser, invited: NewPerson): Promise<Linked> {
  return changePeople(tenant, user, async (db, actor) => {
    refuseRole(actor, invited.role);
    await refuseGroup(db, actor, invited.groupId);
    await refuseBeyondPlan(db, tenant);
    const person = await insertPerson(db, invited).catch(explainTaken);
    return { person, link: await makePasswordLink(db, person) };
  });
}

/** Sessions end where rights were taken. @throws AppError `not-found`, `state-conflict` and what invitePerson throws. */
export function changePerson(
  tenant: RequestTenant,
  user: TenantUser,
  { id, change }: { id: string; change: PersonChange },
): Promise<PersonRow> {
  return changePeople(tenant, user, async (db, actor) => {
    const before = await getPerson(db, id);
    await refuseAbove(db, actor, before);
    refuseRole(actor, change.role);
    if (change.groupId !== undefined && change.groupId !== before.group_id) {
      if (id === actor.id) throw notAllowed("Somebody else has to change your group.");
      await refuseGroup(db, actor, change.groupId);
    }
    if (change.isActive === true && !before.is_active) await refuseBeyondPlan(db, tenant);
    const after = await updatePerson(db, id, change);
    await refuseWithoutOwner(db);
    if (!after.is_active) await dropLinks(db, id);
    // The role is in the tokens, too, which other programs may have believed.
    if (!after.is_active || after.role !== before.role) await revokeSessionsOf(db, id);
    return after;
  });
}

/** @throws AppError `not-found`, `not-allowed`; `state-conflict` for the last owner. */
export function removePerson(tenant: RequestTenant, user: TenantUser, id: string): Promise<void> {
  return changePeople(tenant, user, async (db, actor) => {
    await refuseAbove(db, actor, await getPerson(db, id));
    await deletePerson(db, id);
    await refuseWithoutOwner(db);
  });
}

/**
 * A fresh invitation, or the way to a new password for who forgot theirs.
 * @throws AppError `not-found`, `not-allowed`, `state-conflict` for somebody who may not sign in.
 */
export function renewPassword(tenant: RequestTenant, user: TenantUser, id: string): Promise<Linked> {
  return changePeople(tenant, user, async (db, actor) => {
    const person = await getPerson(db, id);
    await refuseAbove(db, actor, person);
    // A session that somebody else got hold of must not become a password.
    if (id === actor.id) throw notAllowed("Somebody else who manages people has to make a link for you.");
    if (!person.is_active) throw new AppError("state-conflict", "Activate the person first: PATCH with isActive true.");
    return { person, link: await makePasswordLink(db, person) };
  });
}

async function getPerson(db: Knex, id: string): Promise<PersonRow> {
  const person = await findPerson(db, id);
  if (person === undefined) throw new AppError("not-found", "There is no such person.");
  return person;
}

async function refuseBeyondPlan(db: Knex, { terms: { usersLimit } }: RequestTenant): Promise<void> {
  if ((await countActive(db)) < usersLimit) return;
  const message = `The plan allows ${usersLimit} active people. Deactivate somebody, or change the plan.`;
  throw new AppError("plan-limit-reached", message);
}

async function refuseWithoutOwner(db: Knex): Promise<void> {
  if ((await countActive(db, { role: "owner" })) > 0) return;
  throw new AppError("state-conflict", "This is the last owner. Make somebody else an owner first.");
}

function explainTaken(error: unknown): never {
  if (!isUniqueViolation(error, "users_email_key")) throw error;
  const errors = [{ pointer: "/email", detail: "belongs to somebody of the company" }];
  throw new AppError("already-exists", "Somebody of the company has this e-mail address.", { errors });
}
