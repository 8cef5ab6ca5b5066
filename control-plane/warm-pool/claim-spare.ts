/** How the statement that creates a company takes a spare. */
import type { Knex } from "../../core/db.ts";
import { runtimeRole } from "../../core/migrations/tenant-schema.ts";
import type { ControlContext } from "../context.ts";

/**
 * The id of the oldest spare that nobody else is taking and that is really there, whole: marks, membership and number of
 * relations are asked of the catalog by oid, which costs the same whatever the size of the fleet. So the company's
 * database is ready from its first moment. What is not as it should be is passed over and left to the keeper.
 */
export const claimSql = `
  SELECT s.id FROM spare_tenants s
  CROSS JOIN LATERAL (SELECT to_regnamespace('tenant_' || s.id) AS schema, to_regrole('tenant_' || s.id) AS role) AS t
  WHERE s.version = :version
    AND obj_description(t.schema, 'pg_namespace') = 'secretaria tenant ' || s.uuid
    AND shobj_description(t.role, 'pg_authid') = 'secretaria tenant ' || s.uuid
    AND EXISTS (SELECT FROM pg_auth_members WHERE roleid = t.role AND member = to_regrole(:runtimeRole))
    AND :relations = (
      SELECT count(*) FROM pg_depend d JOIN pg_class c ON c.oid = d.objid
      WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = t.schema AND d.classid = 'pg_class'::regclass
        AND NOT c.relispartition AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f'))
  ORDER BY s.id LIMIT 1 FOR UPDATE OF s SKIP LOCKED`;

/** Bindings of claimSql. Without a pool it finds nothing. */
export const claimValues = ({ warmPool }: ControlContext): Record<string, Knex.Value> => ({
  version: warmPool.claimable?.version ?? null,
  relations: warmPool.claimable?.relations ?? null,
  runtimeRole,
});
