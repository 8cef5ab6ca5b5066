/** What one tenant tries against another, through the handle that the product gives it. Harmless where one succeeds. */
import type { Knex } from "../db.ts";
import { AppError } from "../errors.ts";
import type { TenantHandle } from "../tenant-db/tenant-pool.ts";
import { scratchB } from "./scratch-tenants.ts";

export type ClaimedLevel = "pooled" | "hardened";

export interface Attack {
  readonly name: string;
  /** The lowest level that claims to stop it. */
  readonly level: ClaimedLevel;
  /** Resolves to what was reached, or to undefined. Refusals of the server may be thrown: see `isRefusal`. */
  run(handles: { readonly a: TenantHandle; readonly b: TenantHandle }): Promise<string | undefined>;
}

const other = scratchB.names.schema;
const marks = `${other}.marks`;

export const attacks: readonly Attack[] = [
  sees("other-rows", "pooled", `SELECT mark FROM ${marks}`),
  sees("other-rows-locked", "pooled", `SELECT mark FROM ${marks} FOR UPDATE`),
  sees("other-rows-changed", "pooled", `UPDATE ${marks} SET mark = mark RETURNING mark`),
  runs("other-rows-added", "pooled", `INSERT INTO ${marks} (mark) VALUES ('x')`),
  sees("other-rows-joined", "pooled", `WITH there AS (SELECT * FROM ${marks}) SELECT there.mark FROM marks, there`),
  sees("other-rows-by-xml", "pooled", `SELECT query_to_xml('SELECT mark FROM ${marks}', true, false, '')`),
  sees("other-table-by-xml", "pooled", `SELECT table_to_xml('${marks}', true, false, '')`),
  sees("other-schema-by-xml", "pooled", `SELECT schema_to_xml('${other}', true, false, '')`),
  gets(
    "other-rows-by-words",
    "pooled",
    `SELECT word FROM ts_stat('SELECT to_tsvector(''simple'', mark) FROM ${marks}')`,
  ),
  sees(
    "other-statistics",
    "pooled",
    `SELECT most_common_vals::text AS mark FROM pg_stats WHERE schemaname = '${other}'`,
  ),
  gets("other-sequence", "pooled", `SELECT last_value FROM ${other}.marks_id_seq`),
  runs("other-sequence-moved", "pooled", `SELECT nextval('${other}.marks_id_seq')`),
  gets("registry", "pooled", "SELECT count(*) > -1 AS companies FROM public.companies"),
  gets("signing-keys", "pooled", "SELECT count(*) > -1 AS keys FROM public.signing_keys"),
  gets("password-hashes", "pooled", "SELECT count(rolpassword) FROM pg_catalog.pg_authid"),
  gets("server-files", "pooled", "SELECT length(pg_read_file('PG_VERSION'))"),
  gets("server-folders", "pooled", "SELECT count(*) FROM pg_ls_dir('.')"),
  gets("server-configuration", "pooled", "SELECT count(*) > -1 AS lines FROM pg_catalog.pg_hba_file_rules"),
  gets(
    "statements-of-others",
    "pooled",
    `SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND query NOT IN ('', '<insufficient privilege>') LIMIT 1`,
  ),
  gets("memberships", "pooled", excessRights()),
  gets("dangerous-functions", "pooled", dangerousFunctions()),
  runs("new-table", "pooled", "SELECT 1 AS one INTO secretaria_probe_leftover"),
  runs("temporary-table", "pooled", "SELECT 1 AS one INTO TEMPORARY secretaria_probe_leftover"),
  { name: "two-statements", level: "pooled", run: ({ a }) => secondStatement(a) },
  { name: "savepoint-rolled-back", level: "pooled", run: ({ a }) => afterSavepoint(a) },
  { name: "setting-for-the-next", level: "pooled", run: ({ a, b }) => settingForTheNext(a, b) },
  sees(
    "role-by-set_config",
    "hardened",
    `SELECT set_config('role', '${scratchB.names.role}', true),
            query_to_xml('SELECT mark FROM ${marks}', true, false, '')::text AS mark`,
  ),
  runs("settings-by-view", "hardened", "UPDATE pg_catalog.pg_settings SET setting = 'off' WHERE name = 'jit'"),
  runs("role-by-statement", "hardened", `SET ROLE ${scratchB.names.role}`),
  runs("role-left", "hardened", "RESET ROLE"),
  runs("transaction-ended", "hardened", "COMMIT;"),
  runs("own-password", "hardened", "ALTER ROLE CURRENT_USER PASSWORD NULL"),
  runs("session-setting", "hardened", "SET statement_timeout TO 0"),
  runs("statement-kept", "hardened", "PREPARE secretaria_probe AS SELECT 1"),
  runs("cursor-kept", "hardened", "DECLARE secretaria_probe CURSOR WITH HOLD FOR SELECT 1"),
  gets("path-by-set_config", "hardened", `SELECT set_config('search_path', '${other}', true)`),
  gets("identity-by-set_config", "hardened", "SELECT set_config('app.current_tenant', 'somebody else', true)"),
  { name: "statements-kept-of-others", level: "hardened", run: ({ a, b }) => statementsKept(a, b) },
  gets("large-object", "hardened", "SELECT lo_unlink(lo_from_bytea(0, 'x'))"),
  gets(
    "languages",
    "hardened",
    "SELECT lanname FROM pg_language WHERE lanpltrusted AND has_language_privilege(oid, 'USAGE')",
  ),
];

const refusals = new Set([
  "42501", // insufficient privilege
  "42883", // no such function: an older server, or one built without XML
  "0A000", // not supported: the same
]);

/** The server, or the handle before it, said no. Anything else that is thrown is no proof of anything. */
export const isRefusal = (error: unknown): boolean =>
  error instanceof AppError ? error.code === "statement-not-allowed" : refusals.has(codeOf(error));

/** Reached when the other's mark is in the answer. */
function sees(name: string, level: ClaimedLevel, sql: string): Attack {
  return { name, level, run: async ({ a }) => findMark(await rowsOf(a.db, sql)) };
}

/** Reached when there is an answer at all. */
function gets(name: string, level: ClaimedLevel, sql: string): Attack {
  return {
    name,
    level,
    async run({ a }) {
      const values = (await rowsOf(a.db, sql)).flatMap((row) => Object.values(row)).filter((value) => value !== null);
      return values.length > 0 ? `it answered ${JSON.stringify(values[0])}` : undefined;
    },
  };
}

/** Reached when it is not refused; it is taken back. */
function runs(name: string, level: ClaimedLevel, sql: string): Attack {
  return {
    name,
    level,
    async run({ a }) {
      const trx = await a.db.transaction();
      try {
        await trx.raw(sql);
        return "it ran";
      } finally {
        await trx.rollback();
      }
    },
  };
}

export async function rowsOf(db: Knex, sql: string): Promise<Record<string, unknown>[]> {
  return (await db.raw<{ rows: Record<string, unknown>[] }>(sql)).rows;
}

export const findMark = (rows: readonly Record<string, unknown>[]): string | undefined =>
  JSON.stringify(rows).includes(scratchB.mark) ? "it read the other company's row" : undefined;

async function secondStatement({ db }: TenantHandle): Promise<string | undefined> {
  const answer = await db.raw<unknown>(`SELECT 1; SELECT 'ran' AS second`).then(
    (result) => JSON.stringify(result),
    (error: unknown) => codeOf(error),
  );
  return answer === "42601" ? undefined : `it answered ${answer.slice(0, 80)}`;
}

/** A scope that was set inside the savepoint would be gone behind it. */
async function afterSavepoint({ transaction }: TenantHandle): Promise<string | undefined> {
  return transaction(async (db) => {
    await db.transaction((nested) => nested.raw("SELECT 1 / 0")).catch(() => undefined);
    const [row] = await rowsOf(
      db,
      "SELECT current_user AS name, current_schema() AS schema, string_agg(mark, ',') AS marks FROM marks",
    );
    const isIts = row?.["name"] !== scratchB.names.role && row?.["schema"] !== other;
    return isIts ? findMark([row ?? {}]) : "it was somebody else behind the savepoint";
  });
}

/** Any setting will do that no scope sets again. */
async function settingForTheNext(a: TenantHandle, b: TenantHandle): Promise<string | undefined> {
  const zone = "Pacific/Kiritimati";
  const tricks = [
    `SELECT set_config('TimeZone', '${zone}', false)`,
    `UPDATE pg_catalog.pg_settings SET setting = '${zone}' WHERE name = 'TimeZone'`,
  ];
  for (const sql of tricks) {
    await a.db.raw(sql).catch((error: unknown) => {
      if (!isRefusal(error)) throw error;
    });
    const [row] = await rowsOf(b.db, "SELECT current_setting('TimeZone') AS zone");
    if (row?.["zone"] === zone) return "the next company had its setting";
  }
  return undefined;
}

/** What comes back is kept by the session, unless everybody may see it: then there is nothing to see. */
async function statementsKept(a: TenantHandle, b: TenantHandle): Promise<string | undefined> {
  for (let i = 0; i < 4; i += 1) await b.db.raw("SELECT ? AS of_the_other", ["it"]);
  const look = "SELECT name FROM pg_catalog.pg_prepared_statements WHERE statement ~ '^SELECT .1 AS of_the_other'";
  return (await rowsOf(a.db, look)).length > 0 ? "the texts of the other company's statements" : undefined;
}

/** Attributes and memberships that neither the login role nor a tenant's role ever needs. */
function excessRights(): string {
  return `SELECT rolname FROM pg_roles
    WHERE rolname IN (current_user, session_user)
      AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls OR rolreplication)
    UNION ALL
    SELECT rolname FROM pg_roles
    WHERE rolname ~ '^pg_' AND rolname <> 'pg_database_owner'
      AND (pg_has_role(current_user, oid, 'MEMBER') OR pg_has_role(session_user, oid, 'MEMBER'))
    UNION ALL
    SELECT rolname FROM pg_roles
    WHERE rolname = '${scratchB.names.role}' AND pg_has_role(current_user, oid, 'MEMBER')`;
}

/** Functions of extensions and of the server that reach other databases, files or programs. */
function dangerousFunctions(): string {
  return `SELECT proname FROM pg_proc
    WHERE (proname ~ '^(dblink|pg_file_|pg_read_binary_file|pg_read_file|pg_ls_|lo_export|pg_execute_server_program)'
        OR proname IN ('xpath_table', 'pg_reload_conf', 'pg_rotate_logfile', 'pg_switch_wal', 'pg_stat_reset'))
      AND has_function_privilege(oid, 'EXECUTE') AND has_schema_privilege(pronamespace, 'USAGE')`;
}

const codeOf = (error: unknown): string => String((error as { code?: unknown } | null)?.code);
