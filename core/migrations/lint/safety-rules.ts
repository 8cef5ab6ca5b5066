/** Rules that hold on the way up as on the way down: the runner's transaction, the tenant's own schema, repeatability. */
import { as, kindOf, nameParts, names, relationName, relationsOf, walk } from "../analysis/syntax-tree.ts";
import type { TreeKind, Trees } from "../analysis/syntax-tree.ts";
import { isConcurrent } from "../concurrently.ts";
import { repeatableHits } from "./repeatable.ts";
import type { Hit } from "./rules.ts";
import type { StatementInput } from "./statement-input.ts";

export const safetyHits = (input: StatementInput): Hit[] => [
  ...sessionHits(input),
  ...qualifiedHits(input),
  ...(input.isTransactional ? outsideHits(input) : repeatableHits(input)),
];

const settings: ReadonlySet<TreeKind> = new Set(["VariableSetStmt", "DiscardStmt"]);

function sessionHits({ statement: { kind, tree, text } }: StatementInput): Hit[] {
  const what = text.split(/\s+/).slice(0, 2).join(" ");
  if (kind === "TransactionStmt") return [{ code: "transaction-control", what }];
  if (settings.has(kind)) return [{ code: "session-setting", what }];
  return callsOf(tree).includes("set_config") ? [{ code: "session-setting", what: "set_config()" }] : [];
}

function callsOf(tree: unknown): string[] {
  const found: string[] = [];
  walk(tree, (part) => {
    const call = part["FuncCall"] as Trees["FuncCall"] | undefined;
    if (call !== undefined) found.push(names(call.funcname).at(-1) ?? "");
  });
  return found;
}

/** Schemas that are the same for every tenant. */
const common = new Set(["pg_catalog", "extensions"]);

function qualifiedHits({ kind, statement: { tree } }: StatementInput): Hit[] {
  const isForeign = (schema: string): boolean =>
    kind === "public" ? /^tenant_\d+$/.test(schema) : !common.has(schema);
  const found = new Map<string, string>();
  const look = (parts: readonly string[]): void => {
    const [schema = "", name] = parts.slice(-2);
    if (name !== undefined && isForeign(schema)) found.set(parts.join("."), schema);
  };
  for (const relation of relationsOf(tree))
    if (relation.schemaname !== undefined) look([relation.schemaname, relationName(relation).split(".").at(-1) ?? ""]);
  for (const object of droppedObjects(tree)) look(object);
  walk(tree, (part) => {
    const call = part["FuncCall"] as Trees["FuncCall"] | undefined;
    if (call !== undefined) look(names(call.funcname));
  });
  return [...found.keys()].map((name) => ({ code: "qualified-name", what: name }));
}

function droppedObjects(tree: StatementInput["statement"]["tree"]): string[][] {
  const drop = as(tree, "DropStmt");
  const isRelation = ["OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_MATVIEW", "OBJECT_INDEX", "OBJECT_SEQUENCE"];
  return isRelation.includes(drop?.removeType ?? "") ? (drop?.objects ?? []).map(nameParts) : [];
}

const neverInside: ReadonlySet<TreeKind> = new Set(["VacuumStmt", "CreatedbStmt", "DropdbStmt", "AlterSystemStmt"]);

function outsideHits({ statement: { tree } }: StatementInput): Hit[] {
  const what = isConcurrent(tree) ? "CONCURRENTLY" : undefined;
  const isAnalyze = as(tree, "VacuumStmt")?.is_vacuumcmd !== true && kindOf(tree) === "VacuumStmt";
  if (what === undefined && (isAnalyze || !neverInside.has(kindOf(tree)))) return [];
  return [{ code: "outside-transaction", what: what ?? kindOf(tree).replace(/Stmt$/, "").toUpperCase() }];
}
