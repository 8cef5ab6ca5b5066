/** A schema as its migrations' statements leave it: what PostgreSQL's catalog would answer, without a database. */

export interface ForeignKey {
  name: string;
  columns: string[];
  /** Table that it points to. */
  target: string;
  /** Empty: the target's primary key. */
  targetColumns: string[];
  /** PostgreSQL's letters: a no action, r restrict, c cascade, n set null, d set default. */
  onDelete: string;
  onUpdate: string;
}

export interface Check {
  name: string;
  /** Columns that cannot be null where it holds. */
  notNull: string[];
  isValid: boolean;
}

export interface Table {
  name: string;
  kind: "table" | "view" | "materialized view";
  /** Its name before the file; undefined: the file made it, so nobody else can see it yet. */
  origin: string | undefined;
  /** Partitioned table that it is a part of. */
  parent: string | undefined;
  isDefaultPartition: boolean;
  /** In partitions by ranges of one column. */
  isByRange: boolean;
  primaryKey: string[];
  foreignKeys: ForeignKey[];
  checks: Check[];
  /** Of a view: the relations that it reads. */
  reads: string[];
}

/** Plain data: structuredClone makes another one. */
export interface SchemaModel {
  readonly tables: Map<string, Table>;
  /** Table of each index. */
  readonly indexes: Map<string, string>;
}

export const emptyModel = (): SchemaModel => ({ tables: new Map(), indexes: new Map() });

/** The model before a file: everything in it was there. */
export function beforeFile(model: SchemaModel): SchemaModel {
  const copy = structuredClone(model);
  for (const table of copy.tables.values()) table.origin = table.name;
  return copy;
}

export const newTable = (name: string, kind: Table["kind"] = "table"): Table => ({
  name,
  kind,
  origin: undefined,
  parent: undefined,
  isDefaultPartition: false,
  isByRange: false,
  primaryKey: [],
  foreignKeys: [],
  checks: [],
  reads: [],
});

export const viewsOf = (model: SchemaModel, name: string): Table[] =>
  [...model.tables.values()].filter(({ reads }) => reads.includes(name));

export const partitionsOf = (model: SchemaModel, name: string): Table[] =>
  [...model.tables.values()].filter(({ parent }) => parent === name);

/** Foreign keys of other tables that point to this one, with the table that has them. */
export const referencesTo = (model: SchemaModel, name: string): { from: string; key: ForeignKey }[] =>
  [...model.tables.values()].flatMap((table) =>
    table.foreignKeys.filter(({ target }) => target === name).map((key) => ({ from: table.name, key })),
  );

/** Columns that a key points to. */
export const targetColumns = (model: SchemaModel, { target, targetColumns: named }: ForeignKey): string[] =>
  named.length > 0 ? named : (model.tables.get(target)?.primaryKey ?? []);
