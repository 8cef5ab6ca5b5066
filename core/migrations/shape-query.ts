/** What is in a schema, read from pg_catalog by oid: information_schema's joins grow with the whole fleet. */

/**
 * SQL for the oids of what lies in the schema of `ns`. No catalog has an index by schema; the dependencies have: without
 * it every look would read the catalogs of the whole fleet. Indexes, toast tables and row types depend on their tables.
 */
export const ofSchema = (catalog: "pg_class" | "pg_proc" | "pg_type" | "pg_default_acl"): string =>
  `SELECT objid FROM pg_depend WHERE refclassid = 'pg_namespace'::regclass AND refobjid = (SELECT oid FROM ns)
     AND classid = '${catalog}'::regclass`;

/**
 * Begins a WITH clause: `ns`, `everything` (its relations), `rel` (all but partitions, with `is_by_month`).
 *
 * A table that is parted by month, with a default partition, looks like the one table that it is for a tenant of few rows.
 *
 * `ns` puts the schema on the search path, until the transaction ends: pg_get_*def leave out the schema of what is on
 * the path. In the statement itself, so that a prepared statement outside a transaction is planned for one path only.
 * @param schema placeholder of the schema's name
 */
export const schemaClause = (schema: string): string => `
WITH ns AS MATERIALIZED (
  SELECT oid, nspname, nspacl, nspowner, set_config('search_path', quote_ident(nspname), true) AS path
    FROM pg_namespace WHERE nspname = ${schema}),
everything AS MATERIALIZED (
  SELECT c.* FROM ns JOIN pg_class c ON c.relnamespace = ns.oid AND ns.path <> '' WHERE c.oid IN (${ofSchema("pg_class")})),
rel AS MATERIALIZED (SELECT e.*, EXISTS (SELECT FROM pg_partitioned_table p JOIN pg_class d ON d.oid = p.partdefid
      WHERE p.partrelid = e.oid AND p.partstrat = 'r' AND p.partnatts = 1 AND d.relname = e.relname || '_default') AS is_by_month
    FROM everything e WHERE NOT relispartition)`;

/** SQL for the kind of a relation of `rel`. */
export const shownKind = `CASE WHEN rel.is_by_month THEN 'r' ELSE rel.relkind END`;

/**
 * A WITH clause that ends in `facts (kind, object, body)`; `body` is jsonb as text.
 * @param more SELECTs of the same three columns, joined to the facts
 */
export const shapeQuery = (schema: string, more = ""): string => `${schemaClause(schema)},
shape AS (${commonFacts} UNION ALL ${rareFacts} ${more}),
facts AS (
SELECT kind, replace(object, nspname, '<schema>') AS object, replace(body::text, nspname, '<schema>') AS body FROM shape, ns)`;

/** What every table has. pg_get_expr opens the table only for an expression that has columns in it. */
const commonFacts = `
SELECT 'table' AS kind, relname::text AS object, jsonb_build_object('kind', ${shownKind}, 'persistence', relpersistence,
         'partition', CASE WHEN NOT is_by_month THEN pg_get_partkeydef(oid) END, 'rls', relrowsecurity, 'forced', relforcerowsecurity,
         'view', CASE WHEN relkind IN ('v','m') THEN pg_get_viewdef(oid, true) END) AS body
  FROM rel WHERE relkind IN ('r','p','v','m','f')
UNION ALL
SELECT 'column', rel.relname || '.' || a.attname, jsonb_build_object('on', rel.relname, 'name', a.attname,
         'type', format_type(a.atttypid, a.atttypmod), 'notnull', a.attnotnull, 'default', pg_get_expr(d.adbin, CASE a.attgenerated WHEN '' THEN 0 ELSE d.adrelid END, true),
         'identity', nullif(a.attidentity, ''), 'generated', nullif(a.attgenerated, ''),
         'collation', CASE WHEN a.attcollation <> t.typcollation THEN a.attcollation::regcollation::text END)
  FROM rel JOIN pg_attribute a ON a.attrelid = rel.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE rel.relkind IN ('r','p','v','m','f')
UNION ALL
SELECT 'constraint', rel.relname || '.' || con.conname, jsonb_build_object('on', rel.relname, 'name', con.conname,
         'class', con.contype, 'definition', regexp_replace(pg_get_constraintdef(con.oid, true), ' NOT VALID$', ''), 'valid', con.convalidated)
  FROM rel JOIN pg_constraint con ON con.conrelid = rel.oid AND con.contype <> 'n' AND con.conparentid = 0
UNION ALL
SELECT 'index', x.relname::text, jsonb_build_object('on', rel.relname, 'name', x.relname,
         'definition', replace(pg_get_indexdef(i.indexrelid, 0, true), ' ON ONLY ', ' ON '), 'valid', i.indisvalid, 'constraint', con.conname)
  FROM rel JOIN pg_index i ON i.indrelid = rel.oid JOIN pg_class x ON x.oid = i.indexrelid
  LEFT JOIN pg_constraint con ON con.conrelid = i.indrelid AND con.conname = x.relname AND con.conindid = i.indexrelid
  WHERE rel.relkind IN ('r','p','m')
UNION ALL
SELECT 'grant', format('%s %s %s', relname, acl.grantee, acl.privilege_type), jsonb_build_object('on', relname,
         'class', kind, 'to', acl.grantee, 'privilege', acl.privilege_type, 'option', nullif(bool_or(acl.is_grantable), false))
  FROM rel, LATERAL (SELECT ${shownKind} AS kind, ${grantee("one")} AS grantee, one.privilege_type, one.is_grantable
                       FROM aclexplode(rel.relacl) one WHERE one.grantee <> rel.relowner) acl
  GROUP BY relname, kind, acl.grantee, acl.privilege_type`;

/** What few schemas have much of. */
export const rareFacts = `
SELECT 'sequence', rel.relname::text, jsonb_build_object('type', format_type(s.seqtypid, NULL), 'start', s.seqstart,
         'increment', s.seqincrement, 'cycle', s.seqcycle, 'of',
         (SELECT format('%I.%I', refobjid::regclass, a.attname) FROM pg_depend d
            JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
          WHERE d.classid = 'pg_class'::regclass AND d.objid = rel.oid AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a','i')))
  FROM rel JOIN pg_sequence s ON s.seqrelid = rel.oid
UNION ALL
SELECT 'function', format('%s(%s)', p.proname, pg_get_function_identity_arguments(p.oid)),
         jsonb_build_object('class', p.prokind, 'definition', pg_get_functiondef(p.oid))
  FROM pg_proc p WHERE p.oid IN (${ofSchema("pg_proc")}) AND p.prokind IN ('f','p','w')
UNION ALL
SELECT 'type', t.typname::text, jsonb_build_object('class', t.typtype,
         'labels', (SELECT string_agg(quote_literal(enumlabel), ', ' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid),
         'definition', CASE WHEN t.typtype = 'd' THEN concat_ws(' ', format_type(t.typbasetype, t.typtypmod),
            CASE WHEN t.typnotnull THEN 'NOT NULL' END, 'DEFAULT ' || t.typdefault,
            (SELECT string_agg(pg_get_constraintdef(oid, true), ' ' ORDER BY conname) FROM pg_constraint WHERE conrelid = 0 AND contypid = t.oid AND contype <> 'n')) END)
  FROM pg_type t WHERE t.oid IN (${ofSchema("pg_type")}) AND t.typtype IN ('e','d','r')
UNION ALL
SELECT 'trigger', rel.relname || '.' || t.tgname, jsonb_build_object('on', rel.relname, 'name', t.tgname,
         'definition', pg_get_triggerdef(t.oid, true), 'enabled', t.tgenabled)
  FROM rel JOIN pg_trigger t ON t.tgrelid = rel.oid WHERE NOT t.tgisinternal
UNION ALL
SELECT 'policy', rel.relname || '.' || p.polname, jsonb_build_object('on', rel.relname, 'name', p.polname, 'command', p.polcmd,
         'permissive', p.polpermissive, 'using', pg_get_expr(p.polqual, p.polrelid, true), 'check', pg_get_expr(p.polwithcheck, p.polrelid, true),
         'roles', (SELECT string_agg(CASE r WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(r)) END, ', ' ORDER BY r) FROM unnest(p.polroles) r))
  FROM rel JOIN pg_policy p ON p.polrelid = rel.oid
UNION ALL
SELECT 'partition', rel.relname || ' default', jsonb_build_object('on', rel.relname, 'name', p.partdefid::regclass::text)
  FROM rel JOIN pg_partitioned_table p ON p.partrelid = rel.oid WHERE p.partdefid <> 0 AND NOT rel.is_by_month`;

/** Who was granted the item `acl` of aclexplode. */
export function grantee(acl: string): string {
  return `CASE ${acl}.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(${acl}.grantee) END`;
}
