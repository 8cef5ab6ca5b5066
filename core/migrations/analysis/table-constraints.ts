/** What the constraints of CREATE TABLE and ALTER TABLE say to the model. */
import type { Constraint, Node } from "libpg-query";
import type { Check, ForeignKey, Table } from "./schema-model.ts";
import { all, as, kindOf, names, relationName } from "./syntax-tree.ts";

/** A column with the constraints that are written behind it. */
export function addColumn(table: Table, definition: Node | undefined): void {
  const column = as(definition, "ColumnDef");
  for (const constraint of all(column?.constraints, "Constraint"))
    addConstraint(table, constraint, column?.colname ?? "");
}

/** @param column the one that it is written behind; undefined for a constraint of the table */
export function addConstraint(table: Table, constraint: Constraint, column?: string): void {
  if (constraint.contype === "CONSTR_FOREIGN") table.foreignKeys.push(foreignKeyOf(table, constraint, column));
  if (constraint.contype === "CONSTR_CHECK") table.checks.push(checkOf(table, constraint, column));
  if (constraint.contype === "CONSTR_PRIMARY")
    table.primaryKey = column === undefined ? names(constraint.keys) : [column];
}

export function dropConstraint(table: Table, name: string): void {
  table.foreignKeys = table.foreignKeys.filter((key) => key.name !== name);
  table.checks = table.checks.filter((check) => check.name !== name);
}

function foreignKeyOf(table: Table, constraint: Constraint, column?: string): ForeignKey {
  const columns = column === undefined ? names(constraint.fk_attrs) : [column];
  return {
    name: constraint.conname ?? freeName(table, `${table.name}_${columns.join("_")}_fkey`),
    columns,
    target: relationName(constraint.pktable ?? {}),
    targetColumns: names(constraint.pk_attrs),
    onDelete: constraint.fk_del_action ?? "a",
    onUpdate: constraint.fk_upd_action ?? "a",
  };
}

function checkOf(table: Table, constraint: Constraint, column?: string): Check {
  const base = column === undefined ? table.name : `${table.name}_${column}`;
  return {
    name: constraint.conname ?? freeName(table, `${base}_check`),
    notNull: provenNotNull(constraint.raw_expr),
    isValid: constraint.skip_validation !== true,
  };
}

/** The name that PostgreSQL gives; a second one of the same name gets a number. */
function freeName(table: Table, name: string): string {
  const taken = new Set([...table.foreignKeys, ...table.checks].map((constraint) => constraint.name));
  if (!taken.has(name)) return name;
  let number = 1;
  while (taken.has(`${name}${number}`)) number += 1;
  return `${name}${number}`;
}

/** Columns of `x IS NOT NULL`, also where several are joined by AND; nothing else is believed. */
function provenNotNull(expression: Node | undefined): string[] {
  if (expression === undefined) return [];
  const test = as(expression, "NullTest");
  if (test?.nulltesttype === "IS_NOT_NULL") {
    const fields = names(as(test.arg, "ColumnRef")?.fields);
    return fields.slice(-1);
  }
  const both = kindOf(expression) === "BoolExpr" ? as(expression, "BoolExpr") : undefined;
  return both?.boolop === "AND_EXPR" ? (both.args ?? []).flatMap(provenNotNull) : [];
}
