/** What of a tenant's schema goes into an archive, read from the catalog by oid: its cost does not grow with the fleet. */
import pg from "pg";
import type { Knex } from "../../../core/db.ts";
import type { SequenceValue } from "../file/manifest.ts";

export interface TenantTable {
  readonly name: string;
  /** Those that hold data of their own: generated ones are computed again. */
  readonly columns: readonly string[];
  /** What its rows are sorted by, as SQL: the same on every server, whatever its collation. */
  readonly order: string;
}

/** Knex's tables: what they say is in the manifest. */
const bookkeeping = ["knex_migrations", "knex_migrations_lock"];

/** All tables, a partitioned one as the one that it is, by name. */
export async function listTables(db: Knex, schema: string): Promise<TenantTable[]> {
  const { rows } = await db.raw<{ rows: { name: string; columns: string[]; key: KeyColumn[] | null }[] }>(
    `SELECT c.relname AS name,
       (SELECT json_agg(a.attname ORDER BY a.attnum) FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '') AS columns,
       (SELECT json_agg(json_build_object('name', a.attname, 'isText', a.attcollation <> 0) ORDER BY k.place)
        FROM pg_index i CROSS JOIN unnest(i.indkey) WITH ORDINALITY AS k (attnum, place)
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
        WHERE i.indrelid = c.oid AND i.indisprimary) AS key
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = ? AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND NOT c.relname = ANY(?)
     ORDER BY c.relname COLLATE "C"`,
    [schema, bookkeeping],
  );
  return rows.map(({ name, columns, key }) => ({ name, columns, order: orderBy(name, key) }));
}

interface KeyColumn {
  readonly name: string;
  readonly isText: boolean;
}

function orderBy(table: string, key: readonly KeyColumn[] | null): string {
  // Rows that are equal as text are equal in the file too.
  if (key === null) return `(${pg.escapeIdentifier(table)}.*)::text COLLATE "C"`;
  return key.map(({ name, isText }) => pg.escapeIdentifier(name) + (isText ? ' COLLATE "C"' : "")).join(", ");
}

/** A foreign key between two tables of the schema; a table's key to itself is none. */
export interface Reference {
  readonly name: string;
  readonly from: string;
  readonly to: string;
}

export async function listReferences(db: Knex, schema: string): Promise<Reference[]> {
  const { rows } = await db.raw<{ rows: Reference[] }>(
    `SELECT con.conname AS name, source.relname AS "from", target.relname AS "to"
     FROM pg_constraint con JOIN pg_namespace n ON n.oid = con.connamespace
     JOIN pg_class source ON source.oid = con.conrelid JOIN pg_class target ON target.oid = con.confrelid
     WHERE n.nspname = ? AND con.contype = 'f' AND con.conparentid = 0 AND con.conrelid <> con.confrelid
     ORDER BY source.relname, con.conname`,
    [schema],
  );
  return rows;
}

/** Read after the tables: a sequence knows no snapshot, and must be past every row that has a number of it. */
export async function readSequences(db: Knex, schema: string): Promise<SequenceValue[]> {
  const names: string[] = await db("pg_class as c")
    .join("pg_namespace as n", "n.oid", "c.relnamespace")
    .where({ nspname: schema, relkind: "S" })
    .whereNotIn("relname", ["knex_migrations_id_seq", "knex_migrations_lock_index_seq"])
    .orderBy("relname")
    .pluck("relname");
  const values: SequenceValue[] = [];
  for (const name of names) {
    const { rows } = await db.raw<{ rows: Omit<SequenceValue, "name">[] }>(
      `SELECT CAST(last_value AS text) AS "lastValue", is_called AS "isCalled" FROM ??.??`,
      [schema, name],
    );
    values.push({ name, ...(rows[0] as Omit<SequenceValue, "name">) });
  }
  return values;
}

/** In the order in which they were applied. */
export const listApplied = (db: Knex, schema: string): Promise<string[]> =>
  db.withSchema(schema).from("knex_migrations").orderBy("id").pluck("name");
