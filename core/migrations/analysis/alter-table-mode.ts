/** The lock of each form of ALTER TABLE on the table itself, after AlterTableGetLockLevel of PostgreSQL 15 to 18. */
import type { AlterTableCmd, AlterTableType } from "libpg-query";
import type { LockMode } from "./lock-modes.ts";
import { all, as } from "./syntax-tree.ts";

/** What is not in here takes ACCESS EXCLUSIVE: ADD COLUMN and SET DEFAULT as much as a change of type. */
const weaker: { readonly [T in AlterTableType]?: LockMode } = {
  AT_SetStatistics: "SHARE UPDATE EXCLUSIVE",
  AT_SetOptions: "SHARE UPDATE EXCLUSIVE",
  AT_ResetOptions: "SHARE UPDATE EXCLUSIVE",
  AT_ClusterOn: "SHARE UPDATE EXCLUSIVE",
  AT_DropCluster: "SHARE UPDATE EXCLUSIVE",
  AT_ValidateConstraint: "SHARE UPDATE EXCLUSIVE",
  AT_AttachPartition: "SHARE UPDATE EXCLUSIVE",
  AT_DetachPartitionFinalize: "SHARE UPDATE EXCLUSIVE",
  AT_EnableTrig: "SHARE ROW EXCLUSIVE",
  AT_EnableAlwaysTrig: "SHARE ROW EXCLUSIVE",
  AT_EnableReplicaTrig: "SHARE ROW EXCLUSIVE",
  AT_EnableTrigAll: "SHARE ROW EXCLUSIVE",
  AT_EnableTrigUser: "SHARE ROW EXCLUSIVE",
  AT_DisableTrig: "SHARE ROW EXCLUSIVE",
  AT_DisableTrigAll: "SHARE ROW EXCLUSIVE",
  AT_DisableTrigUser: "SHARE ROW EXCLUSIVE",
};

/** Storage parameters that PostgreSQL changes beside reads and writes. */
const mildParameter = /^(fillfactor|toast_tuple_target|parallel_workers|vacuum_.*|(log_)?autovacuum_.*)$/;

export function alterTableMode({ subtype = "AT_AddColumn", def }: AlterTableCmd): LockMode {
  if (subtype === "AT_AddConstraint" && as(def, "Constraint")?.contype === "CONSTR_FOREIGN")
    return "SHARE ROW EXCLUSIVE";
  if (subtype === "AT_SetRelOptions" || subtype === "AT_ResetRelOptions") {
    const parameters = all(as(def, "List")?.items, "DefElem");
    const isMild = parameters.every(({ defname = "" }) => mildParameter.test(defname));
    return isMild ? "SHARE UPDATE EXCLUSIVE" : "ACCESS EXCLUSIVE";
  }
  if (subtype === "AT_DetachPartition" && as(def, "PartitionCmd")?.concurrent === true) return "SHARE UPDATE EXCLUSIVE";
  return weaker[subtype] ?? "ACCESS EXCLUSIVE";
}
