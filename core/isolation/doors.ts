/**
 * What PostgreSQL leaves open to every role and a tenant's role must not have. Who asks is always a scratch tenant's role:
 * it has what every tenant has, and nothing else.
 */
import type { Knex } from "../db.ts";
import { scratchA } from "./scratch-tenants.ts";

export interface Door {
  readonly name: string;
  /** What somebody behind it can do. */
  readonly why: string;
  /** The objects a tenant's role reaches, as GRANT and REVOKE take them; empty when the door is shut. */
  readonly open: (db: Knex) => Promise<string[]>;
  readonly privileges: string;
  /** Whom the platform's own role has it taken from as well: it must keep it. */
  readonly ownerNeeds: boolean;
  /** The pool of tenants uses it before it becomes a tenant. */
  readonly runtimeNeeds?: boolean;
}

export const doors: readonly Door[] = [
  functions("set_config", ["set_config"], {
    why: "changes role, path and settings in the middle of a SELECT",
    ownerNeeds: true,
    runtimeNeeds: true,
  }),
  functions(
    "queries-in-text",
    [
      ..."query_to_xml query_to_xmlschema query_to_xml_and_xmlschema cursor_to_xml cursor_to_xmlschema".split(" "),
      ..."table_to_xml table_to_xmlschema table_to_xml_and_xmlschema".split(" "),
      ..."schema_to_xml schema_to_xmlschema schema_to_xml_and_xmlschema".split(" "),
      ..."database_to_xml database_to_xmlschema database_to_xml_and_xmlschema ts_stat ts_rewrite".split(" "),
    ],
    { why: "runs a query that is hidden in a text" },
  ),
  functions("kept-statements", ["pg_prepared_statement"], {
    why: "shows what statements of other companies a connection keeps",
  }),
  functions("large-objects", ["lo_creat", "lo_create", "lo_from_bytea", "lo_import"], {
    why: "stores data outside of the company's schema, where no export and no deletion finds it",
  }),
  {
    name: "settings-view",
    why: "UPDATE pg_settings is set_config by another name",
    privileges: "UPDATE",
    ownerNeeds: false,
    open: (db) =>
      names(
        db,
        `SELECT 'pg_catalog.pg_settings' AS name WHERE has_table_privilege(:role, 'pg_catalog.pg_settings', 'UPDATE')`,
      ),
  },
  {
    name: "languages",
    why: "DO and CREATE FUNCTION run whole programs",
    privileges: "USAGE",
    ownerNeeds: true,
    open: (db) =>
      names(
        db,
        `SELECT format('LANGUAGE %I', lanname) AS name FROM pg_language
          WHERE lanpltrusted AND has_language_privilege(:role, oid, 'USAGE')`,
      ),
  },
  {
    name: "temporary-tables",
    why: "leaves tables on a connection for the next company, which would read them first",
    privileges: "TEMPORARY, CREATE",
    ownerNeeds: false,
    open: (db) =>
      names(
        db,
        `SELECT format('DATABASE %I', current_database()) AS name
          WHERE has_database_privilege(:role, current_database(), 'TEMPORARY, CREATE')`,
      ),
  },
  {
    name: "schemas",
    why: "makes tables and functions where others, or the platform, look for theirs",
    privileges: "CREATE",
    ownerNeeds: false,
    open: (db) =>
      names(
        db,
        `SELECT format('SCHEMA %I', nspname) AS name FROM pg_namespace
          WHERE nspname !~ '^pg_(temp|toast)' AND has_schema_privilege(:role, oid, 'CREATE')`,
      ),
  },
];

/** The statement that shuts what is open of a door. */
export const shutStatement = ({ privileges }: Door, name: string): string =>
  `REVOKE ${privileges} ON ${name} FROM PUBLIC`;

function functions(
  name: string,
  of: readonly string[],
  { why, ownerNeeds = false, runtimeNeeds = false }: Pick<Door, "why"> & Partial<Door>,
): Door {
  return {
    name,
    why,
    privileges: "EXECUTE",
    ownerNeeds,
    runtimeNeeds,
    open: (db) =>
      names(
        db,
        `SELECT format('FUNCTION pg_catalog.%I(%s)', proname, pg_get_function_identity_arguments(oid)) AS name FROM pg_proc
          WHERE pronamespace = 'pg_catalog'::regnamespace AND proname = ANY(:functions)
            AND has_function_privilege(:role, oid, 'EXECUTE')`,
        { functions: of },
      ),
  };
}

async function names(db: Knex, sql: string, values: Record<string, unknown> = {}): Promise<string[]> {
  const { rows } = await db.raw<{ rows: { name: string }[] }>(sql, { ...values, role: scratchA.names.role } as never);
  return rows.map(({ name }) => name);
}
