import type { ControlContext } from "../../context.ts";
import { AppError } from "../../../core/errors.ts";
import { makeDue } from "../../lifecycle/aim.ts";
import { inspectNow } from "../../lifecycle/inspection/inspection-store.ts";
import type { OperationRow } from "../../lifecycle/operation-store.ts";
import { changeTenant, type Reasoned } from "./change-tenant.ts";

/**
 * Looks at everything the company owns now, makes what is safe to make, and tries at once whatever is not where it should
 * be. Ends as succeeded when all rows are; what was only reported is in the company's inspection.
 * @throws AppError `state-conflict` when the company is closed or removed.
 */
export function reconcileTenant(ctx: ControlContext, change: Reasoned): Promise<OperationRow> {
  return changeTenant(ctx, {
    ...change,
    kind: "reconcile",
    action: "tenant.reconciliation-requested",
    async apply(db, { id, desired_state: desired }) {
      if (desired !== "active" && desired !== "suspended")
        throw new AppError("state-conflict", `The company is ${desired}: nothing of it is mended.`);
      // A loop that is under way has not looked: it must not end this operation.
      await db("companies").where({ id }).increment("generation");
      await inspectNow(db, id);
      await makeDue(db, id, { desired, again: [] });
    },
  });
}
