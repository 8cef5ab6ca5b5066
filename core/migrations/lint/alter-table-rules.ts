/** Rules about ALTER TABLE on tables that were there before the file. */
import type { AlterTableCmd, ColumnDef, Constraint } from "libpg-query";
import type { Table } from "../analysis/schema-model.ts";
import { all, as, names } from "../analysis/syntax-tree.ts";
import type { Hit } from "./rules.ts";
import { existingTable, type StatementInput } from "./statement-input.ts";
import { isVolatile } from "./volatile.ts";

export function alterTableHits(input: StatementInput): Hit[] {
  const statement = as(input.statement.tree, "AlterTableStmt");
  const table = existingTable(input, statement?.relation);
  if (table === undefined) return [];
  return all(statement?.cmds, "AlterTableCmd").flatMap((command) => commandHits(input, table, command));
}

function commandHits(input: StatementInput, table: Table, { subtype, name = "", def }: AlterTableCmd): Hit[] {
  const where = `${table.name}.${name}`;
  const column = as(def, "ColumnDef");
  const constraint = as(def, "Constraint");
  if (subtype === "AT_AddColumn" && column !== undefined) return addColumnHits(table, column);
  if (subtype === "AT_AddConstraint" && constraint !== undefined) return addConstraintHits(table, constraint);
  if (subtype === "AT_DropColumn") return [{ code: "destructive", what: `DROP COLUMN ${where}` }];
  if (subtype === "AT_AlterColumnType") return [{ code: "table-rewrite", what: `ALTER COLUMN ${where} TYPE` }];
  if (subtype !== undefined && rewriting[subtype] !== undefined)
    return [{ code: "table-rewrite", what: `${rewriting[subtype]} of ${table.name}` }];
  if (subtype === "AT_SetNotNull" && !table.checks.some(({ isValid, notNull }) => isValid && notNull.includes(name)))
    return [{ code: "set-not-null", what: `SET NOT NULL of ${where} without a validated CHECK` }];
  if (subtype === "AT_ValidateConstraint" && input.isTransactional && !wasThere(input, table, name))
    return [{ code: "validate-apart", what: `VALIDATE CONSTRAINT ${name} in the file that adds it` }];
  return [];
}

const rewriting: { readonly [subtype: string]: string } = {
  AT_SetLogged: "SET LOGGED",
  AT_SetUnLogged: "SET UNLOGGED",
  AT_SetAccessMethod: "SET ACCESS METHOD",
  AT_SetTableSpace: "SET TABLESPACE",
  AT_SetExpression: "SET EXPRESSION",
};

const serials = new Set(["serial", "bigserial", "smallserial", "serial2", "serial4", "serial8"]);

function addColumnHits(table: Table, column: ColumnDef): Hit[] {
  const where = `${table.name}.${column.colname}`;
  const constraints = all(column.constraints, "Constraint");
  const has = (type: Constraint["contype"]) => constraints.find(({ contype }) => contype === type);
  const byDefault = has("CONSTR_DEFAULT");
  const fills =
    has("CONSTR_IDENTITY") ??
    has("CONSTR_GENERATED") ??
    (serials.has(names(column.typeName?.names).at(-1) ?? "") || undefined);
  const hits: Hit[] = [];
  if (fills !== undefined && !isVirtual(has("CONSTR_GENERATED")))
    hits.push({ code: "table-rewrite", what: `ADD COLUMN ${where} that is computed for every row` });
  else if (byDefault !== undefined && isVolatile(byDefault.raw_expr))
    hits.push({ code: "table-rewrite", what: `ADD COLUMN ${where} with a default that differs from row to row` });
  if (has("CONSTR_NOTNULL") && byDefault === undefined && fills === undefined)
    hits.push({ code: "not-null-column", what: `ADD COLUMN ${where} NOT NULL without a default` });
  if (has("CONSTR_CHECK"))
    hits.push({ code: "validated-constraint", level: "warning", what: `ADD COLUMN ${where} with a CHECK` });
  if (has("CONSTR_FOREIGN") && byDefault !== undefined)
    hits.push({ code: "validated-constraint", what: `ADD COLUMN ${where} with REFERENCES and a default` });
  if (has("CONSTR_UNIQUE") ?? has("CONSTR_PRIMARY"))
    hits.push({ code: "blocking-index", what: `ADD COLUMN ${where} with a unique index` });
  return hits;
}

/** Computed when it is read: nothing is written. */
const isVirtual = (generated: Constraint | undefined): boolean => generated?.generated_kind === "v";

function addConstraintHits(table: Table, constraint: Constraint): Hit[] {
  const { contype, conname = "", skip_validation: isLater, indexname } = constraint;
  const what = `ADD CONSTRAINT ${conname} on ${table.name}`;
  const isChecked = contype === "CONSTR_FOREIGN" || contype === "CONSTR_CHECK";
  if (isChecked && isLater !== true) return [{ code: "validated-constraint", what: `${what} without NOT VALID` }];
  if (contype === "CONSTR_NOTNULL" && isLater !== true) return [{ code: "set-not-null", what }];
  const isIndex = contype === "CONSTR_UNIQUE" || contype === "CONSTR_PRIMARY" || contype === "CONSTR_EXCLUSION";
  return isIndex && indexname === undefined ? [{ code: "blocking-index", what: `${what} without USING INDEX` }] : [];
}

const wasThere = ({ before }: StatementInput, table: Table, name: string): boolean => {
  const known = before.tables.get(table.origin ?? "");
  const isNamed = (constraint: { name: string }) => constraint.name === name;
  // A name that the model does not know was not added by this file either.
  return (
    Boolean(known?.checks.some(isNamed) || known?.foreignKeys.some(isNamed)) ||
    !(table.checks.some(isNamed) || table.foreignKeys.some(isNamed))
  );
};
