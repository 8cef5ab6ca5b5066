/** Of a file whose statements commit one by one: which of them fail when they are run a second time. */
import type { AlterTableCmd } from "libpg-query";
import { all, as, type TreeKind, type Trees } from "../analysis/syntax-tree.ts";
import type { Hit } from "./rules.ts";
import type { StatementInput } from "./statement-input.ts";

export function repeatableHits({ statement: { kind, tree, text } }: StatementInput): Hit[] {
  const fails = failing[kind] as ((body: unknown) => boolean) | undefined;
  if (fails?.(as(tree, kind)) !== true) return [];
  return [{ code: "not-repeatable", what: text.split(/\s+/).slice(0, 4).join(" ") }];
}

const always = (): boolean => true;

const failing: { readonly [K in TreeKind]?: (body: Trees[K]) => boolean } = {
  IndexStmt: ({ if_not_exists: isMild }) => isMild !== true,
  CreateStmt: ({ if_not_exists: isMild }) => isMild !== true,
  CreateTableAsStmt: ({ if_not_exists: isMild }) => isMild !== true,
  CreateSeqStmt: ({ if_not_exists: isMild }) => isMild !== true,
  CreateStatsStmt: ({ if_not_exists: isMild }) => isMild !== true,
  CreateSchemaStmt: ({ if_not_exists: isMild }) => isMild !== true,
  DropStmt: ({ missing_ok: isMild }) => isMild !== true,
  ViewStmt: ({ replace }) => replace !== true,
  CreateFunctionStmt: ({ replace }) => replace !== true,
  CreateTrigStmt: ({ replace }) => replace !== true,
  InsertStmt: ({ onConflictClause }) => onConflictClause === undefined,
  AlterEnumStmt: ({ skipIfNewValExists: isMild }) => isMild !== true,
  AlterTableStmt: ({ cmds }) => all(cmds, "AlterTableCmd").some(commandFails),
  RenameStmt: always,
  CreateEnumStmt: always,
  CreateDomainStmt: always,
  CreatePolicyStmt: always,
  AlterObjectSchemaStmt: always,
};

function commandFails({ subtype, missing_ok: isMild }: AlterTableCmd): boolean {
  const asks = ["AT_AddColumn", "AT_DropColumn", "AT_DropConstraint"];
  if (asks.includes(subtype ?? "")) return isMild !== true;
  return [
    "AT_AddConstraint",
    "AT_AddIndexConstraint",
    "AT_AttachPartition",
    "AT_DetachPartition",
    "AT_AddIdentity",
  ].includes(subtype ?? "");
}
