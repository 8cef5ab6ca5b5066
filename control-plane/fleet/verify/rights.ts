/**
 * Rights that nobody should have or that somebody lacks, and this month's partitions where no other takes its rows: what a
 * schema's shape leaves out, as facts.
 */
import { grantee, ofSchema } from "../../../core/migrations/shape-query.ts";
import { extensionSchema, runtimeRole } from "../../../core/migrations/tenant-schema.ts";

const option = "'option', nullif(acl.is_grantable, false)";
/** The tenant's role, with what it is given everywhere. */
const given = (privileges: string): string =>
  `(acl.grantee = (SELECT oid FROM role) AND acl.privilege_type IN (${privileges}) AND NOT acl.is_grantable)`;
const dml = "'SELECT','INSERT','UPDATE','DELETE'";
const who = grantee("acl");
const ours = `(SELECT oid FROM pg_roles WHERE rolname = current_user UNION SELECT datdba FROM pg_database WHERE datname = current_database())`;
const role = `role AS MATERIALIZED (SELECT pg_roles.* FROM ns JOIN pg_roles ON rolname = nspname)`;
const schemaAcl = `(SELECT acl.* FROM ns, aclexplode(nspacl) acl)`;
const defaultAcl = `(SELECT d.defaclrole, d.defaclobjtype AS kind, acl.* FROM pg_default_acl d, aclexplode(d.defaclacl) acl
   WHERE d.oid IN (${ofSchema("pg_default_acl")}))`;

/**
 * More SELECTs for `shapeQuery`; none has a row where all is as provisioning made it. A body says whether the fact is
 * `wanted` and lacks, or is there and should not be. The fingerprint cannot show these: it leaves out partitions, the
 * schema itself and everything that is not in a schema. Ours are the role that asks and the database's owner.
 */
export const rightsFacts = `
UNION ALL SELECT * FROM (WITH ${role}, ours AS MATERIALIZED ${ours}, others AS (
  SELECT 'grant' AS kind, format('schema %s %s', ${who}, acl.privilege_type) AS object, false AS wanted,
      jsonb_build_object('class', 'schema', 'to', ${who}, 'privilege', acl.privilege_type, ${option}) AS body
    FROM ${schemaAcl} acl WHERE acl.grantee NOT IN (SELECT oid FROM ours) AND ${given("'USAGE'")} IS NOT TRUE
  UNION ALL
  SELECT 'grant', format('schema %s USAGE', rolname), true, jsonb_build_object('class', 'schema', 'to', rolname, 'privilege', 'USAGE')
    FROM role WHERE NOT EXISTS (SELECT FROM ${schemaAcl} acl WHERE acl.grantee = role.oid AND acl.privilege_type = 'USAGE')
  UNION ALL
  SELECT 'grant', format('%s %s %s', relname, ${who}, acl.privilege_type), false,
      jsonb_build_object('class', 'r', 'on', relname, 'to', ${who}, 'privilege', acl.privilege_type, ${option})
    FROM everything, aclexplode(relacl) acl WHERE relispartition AND relkind IN ('r','p') AND acl.grantee <> relowner AND ${given(dml)} IS NOT TRUE
  UNION ALL
  SELECT 'grant', format('%s.%s %s %s', relname, attname, ${who}, acl.privilege_type), false, jsonb_build_object('class', 'column',
      'on', relname, 'column', attname, 'to', ${who}, 'privilege', acl.privilege_type, ${option})
    FROM everything JOIN pg_attribute a ON a.attrelid = everything.oid AND a.attacl IS NOT NULL AND NOT a.attisdropped,
         aclexplode(a.attacl) acl WHERE acl.grantee <> relowner
  UNION ALL
  SELECT 'owner', format('schema %s', pg_get_userbyid(nspowner)), false,
      jsonb_build_object('class', 'schema', 'owner', pg_get_userbyid(nspowner)) FROM ns WHERE nspowner NOT IN (SELECT oid FROM ours)
  UNION ALL
  SELECT 'owner', format('%s %s', relname, pg_get_userbyid(relowner)), false,
      jsonb_build_object('class', relkind, 'on', relname, 'owner', pg_get_userbyid(relowner))
    FROM everything WHERE relkind IN ('r','p','v','m','f','S') AND relowner NOT IN (SELECT oid FROM ours)
     AND NOT (relkind = 'S' AND EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = everything.oid
              AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a','i')))
  UNION ALL
  SELECT 'owner', format('%s() %s', proname, pg_get_userbyid(proowner)), false,
      jsonb_build_object('class', 'function', 'routine', oid::regprocedure::text, 'owner', pg_get_userbyid(proowner))
    FROM pg_proc WHERE oid IN (${ofSchema("pg_proc")}) AND proowner NOT IN (SELECT oid FROM ours)
  UNION ALL
  SELECT 'default privilege', format('%s %s %s', kind, ${who}, acl.privilege_type), false, jsonb_build_object('class', kind,
      'by', pg_get_userbyid(defaclrole), 'to', ${who}, 'privilege', acl.privilege_type, ${option})
    FROM ${defaultAcl} acl WHERE acl.grantee <> defaclrole
     AND ((kind = 'r' AND ${given(dml)}) OR (kind = 'S' AND ${given("'USAGE'")})) IS NOT TRUE
  UNION ALL
  SELECT 'default privilege', format('%s %s %s', wish.kind, rolname, wish.privilege), true,
      jsonb_build_object('class', wish.kind, 'to', rolname, 'privilege', wish.privilege)
    FROM role, (VALUES ('r','SELECT'), ('r','INSERT'), ('r','UPDATE'), ('r','DELETE'), ('S','USAGE')) AS wish (kind, privilege)
    WHERE NOT EXISTS (SELECT FROM ${defaultAcl} acl WHERE acl.kind = CAST(wish.kind AS "char") AND acl.grantee = role.oid
                      AND acl.privilege_type = wish.privilege AND acl.defaclrole IN (SELECT oid FROM ours))
  UNION ALL
  SELECT 'partition', format('%s of %s', parted.relname, month), true, jsonb_build_object('on', parted.relname, 'month', month)
    FROM (SELECT to_char(now() AT TIME ZONE 'UTC', '"y"YYYY"m"MM') AS month) AS today, rel AS parted
    JOIN pg_partitioned_table p ON p.partrelid = parted.oid AND p.partstrat = 'r' AND p.partdefid = 0
    WHERE NOT EXISTS (SELECT FROM everything WHERE relname = parted.relname || '_' || month)
  UNION ALL
  SELECT 'role', nspname::text, true, jsonb_build_object('role', nspname) FROM ns WHERE NOT EXISTS (SELECT FROM role)
  UNION ALL
  SELECT 'role', format('%s %s', rolname, attribute), false, jsonb_build_object('role', rolname, 'attribute', attribute)
    FROM role, LATERAL (VALUES (rolsuper, 'SUPERUSER'), (rolcreaterole, 'CREATEROLE'), (rolcreatedb, 'CREATEDB'),
      (rolbypassrls, 'BYPASSRLS'), (rolreplication, 'REPLICATION'), (rolinherit, 'INHERIT')) AS has (it, attribute) WHERE has.it
  UNION ALL
  SELECT 'role', format('%s LOGIN', rolname), true, jsonb_build_object('role', rolname, 'attribute', 'LOGIN') FROM role WHERE NOT rolcanlogin
  UNION ALL
  SELECT 'role', format('%s SET %s', rolname, setting), false, jsonb_build_object('role', rolname, 'setting', split_part(setting, '=', 1),
      'database', (SELECT datname FROM pg_database d WHERE d.oid = s.setdatabase))
    FROM role JOIN pg_db_role_setting s ON s.setrole = role.oid AND s.setdatabase IN (SELECT 0 UNION ALL SELECT oid FROM pg_database),
      unnest(s.setconfig) AS setting
    WHERE s.setdatabase <> 0 OR setting <> format('search_path=%s, ${extensionSchema}', rolname)
  UNION ALL
  SELECT 'member', format('%s of %s', '${runtimeRole}', rolname), true, jsonb_build_object('member', '${runtimeRole}', 'group', rolname)
    FROM role WHERE NOT EXISTS (SELECT FROM pg_auth_members m WHERE m.roleid = role.oid AND pg_get_userbyid(m.member) = '${runtimeRole}')
  UNION ALL
  SELECT 'member', format('%s of %s', rolname, pg_get_userbyid(m.roleid)), false,
      jsonb_build_object('member', rolname, 'group', pg_get_userbyid(m.roleid)) FROM role JOIN pg_auth_members m ON m.member = role.oid
  UNION ALL
  SELECT 'member', format('%s of %s', pg_get_userbyid(m.member), rolname), false,
      jsonb_build_object('member', pg_get_userbyid(m.member), 'group', rolname) FROM role JOIN pg_auth_members m ON m.roleid = role.oid
    WHERE m.member NOT IN (SELECT oid FROM ours) AND pg_get_userbyid(m.member) <> '${runtimeRole}'
  UNION ALL
  SELECT 'member', format('%s of %s WITH %s', pg_get_userbyid(m.member), rolname, may.option), false, jsonb_build_object(
      'member', pg_get_userbyid(m.member), 'group', rolname, 'option', may.option)
    FROM role JOIN pg_auth_members m ON m.roleid = role.oid,
      LATERAL (VALUES ('ADMIN', m.admin_option), ('INHERIT', CAST(to_jsonb(m) ->> 'inherit_option' AS boolean))) AS may (option, it)
    WHERE pg_get_userbyid(m.member) = '${runtimeRole}' AND may.it)
SELECT DISTINCT kind, object, body || jsonb_build_object('wanted', wanted) FROM others) AS rights`;
