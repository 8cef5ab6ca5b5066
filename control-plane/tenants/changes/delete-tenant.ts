/** The end of a company, and the way back while there is one. */
import { AppError } from "../../../core/errors.ts";
import type { ControlContext } from "../../context.ts";
import { aimAt } from "../../lifecycle/aim.ts";
import type { OperationRow } from "../../lifecycle/operation-store.ts";
import { ownedResources } from "../../lifecycle/resources/index.ts";
import type { CompanyRow } from "../../lifecycle/tenant-store.ts";
import { repeatSkipped } from "../../outbox/outbox-store.ts";
import { changeTenant, refuseUnless, type Reasoned } from "./change-tenant.ts";

export interface Deletion extends Reasoned {
  readonly confirm: string;
  readonly reason: string;
  /** ISO 8601. */
  readonly purgeAfter?: string | undefined;
}

const dayMs = 86_400_000;

/**
 * From here on the hosts answer 410, tokens are worth nothing, jobs wait and nothing is renewed. Everything is kept until
 * `purgeAfter`, then it is exported and removed in the order in which nothing is left dangling. Slug and hosts stay
 * reserved. Asked for again while the company is kept, it moves that time.
 * @throws AppError `invalid-request` when `confirm` is not the slug; `state-conflict` when it is being removed.
 */
export function deleteTenant(ctx: ControlContext, { confirm, purgeAfter, ...change }: Deletion): Promise<OperationRow> {
  const grace = ctx.config.DELETION_GRACE_DAYS * dayMs;
  const until = purgeAfter === undefined ? new Date(Date.now() + grace) : new Date(purgeAfter);
  return changeTenant(ctx, {
    ...change,
    kind: "delete",
    action: "tenant.deletion-requested",
    data: { purgeAfter: until.toISOString() },
    async apply(db, company) {
      if (confirm !== company.slug) {
        const errors = [{ pointer: "/confirm", detail: "must be the company's slug" }];
        throw new AppError("invalid-request", "Repeat the company's slug to confirm.", { errors });
      }
      refuseUnless(company, ["active", "suspended", "closed"]);
      // What never was served holds nothing that anybody could want back.
      const isDue = until.getTime() <= Date.now() || company.first_active_at === null;
      if (isDue) await aimAt(db, company.id, { desired: "deleted" });
      else
        await aimAt(db, company.id, { desired: "closed", closing: { purgeAfter: until, from: stateBefore(company) } });
    },
  });
}

/** Brings a company back as it was, whatever became of its parts meanwhile. @throws AppError `state-conflict`. */
export function undeleteTenant(ctx: ControlContext, change: Reasoned): Promise<OperationRow> {
  return changeTenant(ctx, {
    ...change,
    kind: "undelete",
    action: "tenant.undeletion-requested",
    async apply(db, company) {
      refuseUnless(company, ["closed"]);
      // Nothing was mended or renewed while it was closed.
      const again = ownedResources.map(({ name }) => name);
      const desired = stateBefore(company);
      await aimAt(db, company.id, { desired, again });
      if (desired === "active") await repeatSkipped(db, company.id);
    },
  });
}

function stateBefore({ desired_state: now, closed_from: before }: CompanyRow): "active" | "suspended" {
  return (now === "closed" ? before : now) === "suspended" ? "suspended" : "active";
}
