/** A text of SQL as PostgreSQL's own parser reads it: statements with their trees, and the tables a tree names. */
import { parse, type Node, type RangeVar } from "libpg-query";

type Union<U> = (U extends unknown ? (part: U) => void : never) extends (all: infer I) => void ? I : never;

/** Body of each kind of statement by its name, e.g. `AlterTableStmt`. */
export type Trees = Union<Node>;
export type TreeKind = keyof Trees;

export interface Statement {
  /** Without the closing semicolon and the comments before it. */
  readonly text: string;
  readonly kind: TreeKind;
  readonly tree: Node;
  /** Line of the text that was parsed on which the statement begins, from 1. */
  readonly line: number;
}

/** The statements of a text, in order. @throws Error of the parser when it is no SQL. */
export async function parseStatements(sql: string): Promise<Statement[]> {
  if (sql.trim() === "") return [];
  // The parser's positions are in bytes, not characters.
  const bytes = Buffer.from(sql);
  const { stmts = [] } = await parse(sql);
  return stmts.flatMap(({ stmt: tree, stmt_location: start = 0, stmt_len: length }) => {
    if (tree === undefined) return [];
    const end = length === undefined || length === 0 ? bytes.length : start + length;
    const raw = bytes.subarray(start, end).toString("utf8");
    const text = raw.replace(/^(\s|--[^\n]*(\n|$))+/, "");
    const before = bytes.subarray(0, start).toString("utf8") + raw.slice(0, raw.length - text.length);
    return [{ text: text.trim(), kind: kindOf(tree), tree, line: before.split("\n").length }];
  });
}

/** What a node is. Every node is an object of one key. */
export const kindOf = (node: Node): TreeKind => Object.keys(node)[0] as TreeKind;

/** The body of a node when it is of the kind. */
export const as = <K extends TreeKind>(node: Node | undefined, kind: K): Trees[K] | undefined =>
  (node as { readonly [P in K]?: Trees[P] } | undefined)?.[kind];

/** The bodies of those nodes that are of the kind. */
export const all = <K extends TreeKind>(nodes: readonly Node[] | undefined, kind: K): Trees[K][] =>
  (nodes ?? []).flatMap((node) => as(node, kind) ?? []);

/** Texts of a list of names, e.g. columns of a key. */
export const names = (nodes: readonly Node[] | undefined): string[] =>
  all(nodes, "String").map(({ sval = "" }) => sval);

/** Parts of an object's name as DROP and COMMENT give it: `["schema", "table"]`. */
export const nameParts = (object: Node | undefined): string[] => {
  const single = as(object, "String")?.sval;
  return single === undefined ? names(as(object, "List")?.items) : [single];
};

/** A relation as the model knows it: what has a schema in its name is another's. */
export const relationName = ({ schemaname, relname = "" }: RangeVar): string =>
  schemaname === undefined ? relname : `${schemaname}.${relname}`;

/** Calls `visit` for every object of a tree, the outer before the inner. */
export function walk(tree: unknown, visit: (part: Readonly<Record<string, unknown>>) => void): void {
  if (Array.isArray(tree)) for (const part of tree) walk(part, visit);
  if (typeof tree !== "object" || tree === null || Array.isArray(tree)) return;
  visit(tree as Record<string, unknown>);
  for (const part of Object.values(tree)) walk(part, visit);
}

/** Every relation that a tree names, without what its WITH clauses define. */
export function relationsOf(tree: unknown, hidden: ReadonlySet<string> = new Set()): RangeVar[] {
  if (Array.isArray(tree)) return tree.flatMap((part) => relationsOf(part, hidden));
  if (typeof tree !== "object" || tree === null) return [];
  const part = tree as Record<string, unknown>;
  if (typeof part["relname"] === "string" && typeof part["relpersistence"] === "string")
    return hidden.has(relationName(part)) ? [] : [part];
  const clause = part["withClause"] as Trees["WithClause"] | undefined;
  const { found, inside } = clause === undefined ? { found: [], inside: hidden } : relationsOfWith(clause, hidden);
  const rest = Object.entries(part).filter(([key]) => key !== "withClause");
  return [...found, ...rest.flatMap(([, value]) => relationsOf(value, inside))];
}

/** Only in WITH RECURSIVE does a query see its own name, and those after it. */
function relationsOfWith(clause: Trees["WithClause"], hidden: ReadonlySet<string>) {
  const queries = all(clause.ctes, "CommonTableExpr");
  const inside = new Set(hidden);
  if (clause.recursive === true) for (const { ctename = "" } of queries) inside.add(ctename);
  const found = queries.flatMap(({ ctename = "", ctequery }) => {
    const relations = relationsOf(ctequery, new Set(inside));
    inside.add(ctename);
    return relations;
  });
  return { found, inside };
}
