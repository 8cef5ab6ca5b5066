/** The owner's invitation, once more: for a link that ran out or a mail that got lost. */
import { AppError } from "../../../core/errors.ts";
import { writeAudit } from "../../audit.ts";
import type { ControlContext } from "../../context.ts";
import type { CompanyRow } from "../../lifecycle/tenant-store.ts";
import { addToOutbox } from "../../outbox/outbox-store.ts";
import { getCompany, type Change } from "./change-tenant.ts";
import { ownerSetupUrl, renewSetupLink } from "../owner-setup-link.ts";

export interface Invitation {
  readonly company: CompanyRow;
  readonly setupUrl: string;
  readonly expiresAt: Date;
}

/**
 * Makes the link good again and writes the mail into the outbox, both or neither.
 * @throws AppError `tenant-not-found`; `state-conflict` when the company is not served or its owner has a password.
 */
export async function requestInvitation(ctx: ControlContext, change: Change): Promise<Invitation> {
  const { actor, correlationId } = change;
  return ctx.db.transaction(async (db) => {
    const { id: companyId } = await getCompany(db, change.reference);
    // Nobody suspends or deletes it until this is written.
    await db("companies").where({ id: companyId }).forShare().first("id");
    const company = await getCompany(db, String(companyId));
    if (company.status !== "active" && company.status !== "degraded")
      throw new AppError("state-conflict", `The company is ${company.status}; nobody can be invited to it.`);
    const expiresAt = await renewSetupLink({ ...ctx, db }, company).catch(refuseWithoutSchema);
    if (expiresAt === undefined)
      throw new AppError("state-conflict", "The owner has set a password; there is nothing to invite to.");
    await addToOutbox(db, "provisioning.email", companyId);
    const data = { slug: company.slug };
    const action = "tenant.invitation-requested";
    await writeAudit(db, { actor: `user:${actor.userId}`, action, companyId, correlationId, data });
    return { company, setupUrl: ownerSetupUrl(ctx, company), expiresAt };
  });
}

/** A company that lost its schema is `degraded`, and has nobody to invite. */
function refuseWithoutSchema(error: unknown): never {
  if ((error as { code?: unknown }).code !== "42P01") throw error;
  throw new AppError("state-conflict", "The company's schema is gone. See GET /api/tenants/{id}/explain.", {
    cause: error,
  });
}
