/**
 * A hash of a schema's catalog rows as they are stored. Two schemas of one database whose hashes agree have the same
 * facts; where they do not, only the facts can tell. It writes no definitions, which is most of the work, and opens no
 * table: so it waits for no migration, and the server process keeps nothing of the tenant.
 */
import { rareFacts, schemaClause } from "../../../core/migrations/shape-query.ts";
import { rightsFacts } from "./rights.ts";

/** Server versions whose catalogs have no column that is not asked for below. */
export const quickVersions = { from: 15, to: 18 } as const;

/**
 * A WITH clause that ends in `quick (hash)`.
 * @param server major version
 */
export const quickQuery = (schema: string, server: number): string => `${schemaClause(schema)},
stored AS (
SELECT ROW('table', relname, relkind, relpersistence, relrowsecurity, relforcerowsecurity, relacl,
         CASE relkind WHEN 'p' THEN pg_get_partkeydef(oid) WHEN 'v' THEN pg_get_viewdef(oid, true) WHEN 'm' THEN pg_get_viewdef(oid, true) END)::text AS line
  FROM rel
UNION ALL
SELECT ROW('column', rel.relname, a.attnum, a.attname, a.attnotnull, a.attidentity, a.attgenerated, a.attcollation, a.atttypmod,
         CASE WHEN a.atttypid < ${firstOwnOid} THEN a.atttypid::text ELSE format_type(a.atttypid, a.atttypmod) END,
         CASE WHEN ${namesOthers("pg_attrdef", "d.oid")} THEN pg_get_expr(d.adbin, CASE a.attgenerated WHEN '' THEN 0 ELSE d.adrelid END, true)
              ELSE ${tree("d.adbin", server)} END)::text
  FROM rel JOIN pg_attribute a ON a.attrelid = rel.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE rel.relkind IN ('r','p','v','m','f')
UNION ALL
SELECT ROW('constraint', rel.relname, con.conname, con.contype, con.convalidated, con.condeferrable, con.condeferred, con.connoinherit,
         con.conkey, con.confkey, con.confupdtype, con.confdeltype, con.confmatchtype, con.confdelsetcols, con.conexclop,
         ${server >= 18 ? "con.conenforced, con.conperiod," : ""}
         CASE WHEN con.confrelid <> 0 THEN con.confrelid::regclass::text END,
         CASE WHEN con.contype IN ('p','u','x') THEN con.conindid::regclass::text END,
         CASE WHEN con.conbin IS NULL THEN NULL WHEN ${namesOthers("pg_constraint", "con.oid")} THEN pg_get_constraintdef(con.oid, true)
              ELSE ${tree("con.conbin", server)} END)::text
  FROM rel JOIN pg_constraint con ON con.conrelid = rel.oid AND con.contype <> 'n' AND con.conparentid = 0
UNION ALL
SELECT ROW('index', rel.relname, x.relname, x.relkind, x.relam, x.reloptions, i.indisunique, i.indnullsnotdistinct, i.indisexclusion,
         i.indisvalid, i.indnkeyatts, i.indkey, i.indclass, i.indcollation, i.indoption,
         (SELECT string_agg(attnum || attoptions::text, ',' ORDER BY attnum) FROM pg_attribute WHERE attrelid = i.indexrelid AND attoptions IS NOT NULL),
         CASE WHEN coalesce(i.indexprs, i.indpred) IS NULL THEN NULL
              WHEN ${namesOthers("pg_class", "i.indexrelid")} THEN pg_get_indexdef(i.indexrelid, 0, true)
              ELSE ROW(${tree("i.indexprs", server)}, ${tree("i.indpred", server)})::text END)::text
  FROM rel JOIN pg_index i ON i.indrelid = rel.oid JOIN pg_class x ON x.oid = i.indexrelid
  WHERE rel.relkind IN ('r','p','m')
UNION ALL
SELECT ROW(kind, object, body)::text FROM (${rareFacts} ${rightsFacts}) AS rare (kind, object, body)),
quick AS (
SELECT encode(sha256(convert_to(replace(string_agg(line, E'\\n' ORDER BY line COLLATE "C"), ns.nspname, '<schema>'), 'UTF8')), 'hex') AS hash
  FROM stored, ns GROUP BY ns.nspname)`;

/** What has a smaller oid came with the server, and is the same in every schema. */
const firstOwnOid = 16_384;

/** Its expression names something beside columns that did not come with the server: each schema has its own oid for that. */
const namesOthers = (catalog: string, oid: string): string =>
  `EXISTS (SELECT FROM pg_depend o WHERE o.classid = '${catalog}'::regclass AND o.objid = ${oid} AND o.refobjsubid = 0 AND o.deptype = 'n')`;

/** An expression as it is stored; until version 16 with the places of its words in the statement that made it. */
function tree(column: string, server: number): string {
  const text = `${column}::text`;
  return `md5(${server >= 17 ? text : `regexp_replace(${text}, ' :location -{0,1}\\d+', '', 'g')`})`;
}
