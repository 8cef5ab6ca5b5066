import type { RunJson } from "../../control-plane/fleet/run-schemas.ts";
import type { ResultJson } from "../../control-plane/fleet/run-schemas.ts";

/** Says how a run goes. */
export interface Reporter {
  /** How often it wants to know, in milliseconds. */
  readonly everyMs: number;
  started(run: RunJson): void;
  /** The run as it is; called whether anything changed or not. */
  progress(run: RunJson): void;
  tenantFailed(run: RunJson, result: ResultJson): void;
  ended(run: RunJson): void;
}
