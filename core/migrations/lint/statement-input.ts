import type { RangeVar } from "libpg-query";
import type { SchemaModel, Table } from "../analysis/schema-model.ts";
import { relationName, type Statement } from "../analysis/syntax-tree.ts";
import type { MigrationKind } from "../sql-files.ts";

/** What the rules know about a statement. */
export interface StatementInput {
  readonly kind: MigrationKind;
  readonly statement: Statement;
  /** The schema as the statement finds it. */
  readonly model: SchemaModel;
  /** The schema as the file finds it. */
  readonly before: SchemaModel;
  readonly isTransactional: boolean;
}

/** The table when it was there before the file: it may have rows, and others may use it. */
export function existingTable({ model }: StatementInput, relation: RangeVar | undefined): Table | undefined {
  const table = model.tables.get(relationName(relation ?? {}));
  return table?.origin === undefined ? undefined : table;
}
