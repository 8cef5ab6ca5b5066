/** Rules about what goes away, and about what keeps requests waiting. */
import { all, as, nameParts, relationName, type TreeKind, type Trees } from "../analysis/syntax-tree.ts";
import type { Hit } from "./rules.ts";
import { existingTable, type StatementInput } from "./statement-input.ts";

type Check<K extends TreeKind> = (input: StatementInput, body: Trees[K]) => Hit[];

export function dataHits(input: StatementInput): Hit[] {
  const { kind, tree } = input.statement;
  const check = checks[kind] as ((input: StatementInput, body: unknown) => Hit[]) | undefined;
  return check?.(input, as(tree, kind)) ?? [];
}

const checks: { readonly [K in TreeKind]?: Check<K> } = {
  DropStmt: (input, { objects, removeType }) =>
    (objects ?? []).flatMap((object) => {
      const name = nameParts(object).join(".");
      const isMade = removeType === "OBJECT_TABLE" && existingTable(input, { relname: name }) === undefined;
      return ["OBJECT_TABLE", "OBJECT_SCHEMA"].includes(removeType ?? "") && !(isMade && input.model.tables.has(name))
        ? [{ code: "destructive" as const, what: `DROP ${removeType?.slice(7)} ${name}` }]
        : [];
    }),
  TruncateStmt: (input, { relations }) =>
    all(relations, "RangeVar")
      .filter((relation) => existingTable(input, relation) !== undefined)
      .map((relation) => ({ code: "destructive", what: `TRUNCATE ${relationName(relation)}` })),
  DeleteStmt: (input, { relation, whereClause }) =>
    whereClause === undefined && existingTable(input, relation) !== undefined
      ? [{ code: "destructive", what: `DELETE FROM ${relationName(relation ?? {})} without WHERE` }]
      : [],
  RenameStmt: (input, { renameType = "", relation, subname, newname }) => {
    const isUsed = ["OBJECT_TABLE", "OBJECT_COLUMN", "OBJECT_VIEW", "OBJECT_MATVIEW"].includes(renameType);
    if (!isUsed || existingTable(input, relation) === undefined) return [];
    const from = [relationName(relation ?? {}), ...(renameType === "OBJECT_COLUMN" ? [subname] : [])].join(".");
    return [{ code: "destructive", what: `RENAME ${from} TO ${newname}` }];
  },
  AlterObjectSchemaStmt: (input, { relation, newschema }) =>
    existingTable(input, relation) === undefined
      ? []
      : [{ code: "destructive", what: `SET SCHEMA ${newschema} of ${relationName(relation ?? {})}` }],

  IndexStmt: (input, { relation, concurrent, idxname = "" }) =>
    concurrent === true || existingTable(input, relation) === undefined
      ? []
      : [{ code: "blocking-index", what: `CREATE INDEX ${idxname} on ${relationName(relation ?? {})}` }],
  ReindexStmt: (_, { params, relation }) =>
    all(params, "DefElem").some(({ defname }) => defname === "concurrently")
      ? []
      : [{ code: "blocking-index", what: `REINDEX of ${relationName(relation ?? {})} without CONCURRENTLY` }],
  ClusterStmt: (_, { relation }) => [{ code: "table-rewrite", what: `CLUSTER ${relationName(relation ?? {})}` }],
};
