/** The shape of a schema as text: two schemas made in different ways are the same when their lines are. */
import { createHash } from "node:crypto";
import type { Knex } from "../db.ts";

export interface Fingerprint {
  /** SHA-256 of the lines, hex. */
  readonly hash: string;
  /** One sorted line per table, column, constraint, index, sequence, function, trigger and grant. */
  readonly lines: readonly string[];
}

/**
 * Reads a schema's catalog. Monthly partitions are left out (they differ by the date a tenant was made), and so is
 * everything about the schema's own name and its tenant's role: both become `<schema>`.
 */
export async function schemaFingerprint(db: Knex, schema: string): Promise<Fingerprint> {
  const lines = await db.transaction(async (trx) => {
    // pg_get_*def leave out the schema of what is on the path.
    await trx.raw("SELECT set_config('search_path', quote_ident(?), true)", [schema]);
    const { rows } = await trx.raw<{ rows: { line: string }[] }>(catalogQuery, { schema });
    return rows.map(({ line }) => line.replaceAll(schema, "<schema>")).toSorted();
  });
  return { hash: createHash("sha256").update(lines.join("\n")).digest("hex"), lines };
}

/** Lines that only one of two fingerprints has, `-` for the expected one and `+` for the other; empty when they agree. */
export function fingerprintDiff(expected: Fingerprint, actual: Fingerprint): string[] {
  const has = new Set(actual.lines);
  const wanted = new Set(expected.lines);
  return [
    ...expected.lines.filter((line) => !has.has(line)).map((line) => `- ${line}`),
    ...actual.lines.filter((line) => !wanted.has(line)).map((line) => `+ ${line}`),
  ];
}

/**
 * SQL for the oids of what lies in the schema of `ns`. No catalog has an index by schema; the dependencies have: without
 * it every look would read the catalogs of the whole fleet. Indexes, toast tables and row types depend on their tables.
 */
export const ofSchema = (catalog: "pg_class" | "pg_proc" | "pg_type"): string =>
  `SELECT objid FROM pg_depend WHERE refclassid = 'pg_namespace'::regclass AND refobjid = (SELECT oid FROM ns)
     AND classid = '${catalog}'::regclass`;

// By pg_catalog and oid: information_schema joins grow with the whole fleet.
const catalogQuery = `
WITH ns AS (SELECT oid FROM pg_namespace WHERE nspname = :schema),
rel AS (SELECT c.* FROM pg_class c JOIN ns ON c.relnamespace = ns.oid
        WHERE c.oid IN (${ofSchema("pg_class")}) AND NOT c.relispartition)
SELECT format('relation %s kind=%s persistence=%s partition=%s rls=%s', relname, relkind, relpersistence,
         pg_get_partkeydef(oid), relrowsecurity) AS line
  FROM rel WHERE relkind IN ('r','p','v','m','S','f')
UNION ALL
SELECT format('column %s.%s %s notnull=%s default=%s identity=%s generated=%s', rel.relname, a.attname,
         format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid, true), a.attidentity, a.attgenerated)
  FROM rel JOIN pg_attribute a ON a.attrelid = rel.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE rel.relkind IN ('r','p','v','m','f')
UNION ALL
SELECT format('constraint %s.%s %s valid=%s', rel.relname, con.conname, pg_get_constraintdef(con.oid, true), con.convalidated)
  FROM rel JOIN pg_constraint con ON con.conrelid = rel.oid AND con.contype <> 'n'
UNION ALL
SELECT format('index %s.%s %s valid=%s', rel.relname, i.indexrelid::regclass, pg_get_indexdef(i.indexrelid, 0, true), i.indisvalid)
  FROM rel JOIN pg_index i ON i.indrelid = rel.oid WHERE rel.relkind IN ('r','p','m')
UNION ALL
SELECT format('sequence %s %s start=%s increment=%s', rel.relname, format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement)
  FROM rel JOIN pg_sequence s ON s.seqrelid = rel.oid
UNION ALL
SELECT format('function %s', pg_get_functiondef(p.oid)) FROM pg_proc p
  WHERE p.oid IN (${ofSchema("pg_proc")}) AND p.prokind IN ('f','p')
UNION ALL
SELECT format('type %s %s', t.typname, t.typtype) FROM pg_type t
  WHERE t.oid IN (${ofSchema("pg_type")}) AND t.typtype IN ('e','d')
UNION ALL
SELECT format('trigger %s', pg_get_triggerdef(t.oid, true)) FROM rel JOIN pg_trigger t ON t.tgrelid = rel.oid WHERE NOT t.tgisinternal
UNION ALL
SELECT format('policy %s.%s', rel.relname, p.polname) FROM rel JOIN pg_policy p ON p.polrelid = rel.oid
UNION ALL
SELECT format('grant %s %s %s', rel.relname, CASE acl.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(acl.grantee) END,
         acl.privilege_type || CASE WHEN acl.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
  FROM rel, aclexplode(rel.relacl) acl WHERE acl.grantee <> rel.relowner
`;
