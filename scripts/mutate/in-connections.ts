/** What is left on a connection, and who may have it next. */
import type { Mutation } from "./mutation.ts";

const pool = "core/tenant-db/tenant-pool.ts";
const dialect = "core/tenant-db/tenant-dialect.ts";
const connection = "core/tenant-db/tenant-connection.ts";
const transaction = "core/tenant-db/program-transaction.ts";

export const inConnections: readonly Mutation[] = [
  {
    name: "everybody may listen to all statements",
    defence: "withheld methods",
    family: "session",
    file: pool,
    from: "for (const method of withheld) {",
    to: "for (const method of withheld.slice(99)) {",
  },
  {
    name: "no cleaning behind a COMMIT",
    defence: "cleaning of a session",
    family: "session",
    file: transaction,
    from: "transaction.isTouched ? `${ending};${cleaning}` : ending",
    to: 'transaction.isTouched && ending !== "COMMIT" ? `${ending};${cleaning}` : ending',
  },
  {
    name: "no cleaning behind a statement",
    defence: "cleaning of a session",
    family: "session",
    file: dialect,
    from: "query, `COMMIT;${cleaning}`",
    to: 'query, "COMMIT"',
  },
  {
    name: "no cleaning behind a ROLLBACK",
    defence: "cleaning of a session",
    family: "session",
    file: transaction,
    from: "transaction.isTouched ? `${ending};${cleaning}` : ending",
    to: 'transaction.isTouched && ending !== "ROLLBACK" ? `${ending};${cleaning}` : ending',
  },
  {
    name: "any SELECT is harmless",
    defence: "functions that change a session",
    family: "session",
    file: "core/tenant-db/session-cleaning.ts",
    from: "  !/set_config|pg_settings|advisory|_to_xml|ts_stat|ts_rewrite|u&/i.test(sql) &&\n",
    to: "",
  },
  {
    name: "statements keep their names",
    defence: "nameless statements",
    family: "session",
    file: connection,
    from: "name: undefined, ",
    to: "",
  },
  {
    name: "connections are handed on as they are",
    defence: "clean connections only",
    family: "session",
    file: connection,
    from: 'return isQuiet && this.getTransactionStatus() === "I";',
    to: "return isQuiet || !this.#isSpoiled;",
  },
  {
    name: "any end is believed",
    defence: "a proven end",
    family: "session",
    file: connection,
    from: "const isProven = begun === ",
    to: "const isProven = true || begun === ",
  },
  {
    name: "the pool's role inherits from all tenants",
    defence: "a pool's role without rights",
    family: "session",
    file: "core/service-roles.ts",
    from: "LOGIN NOINHERIT NOCREATEDB",
    to: "LOGIN INHERIT NOCREATEDB",
  },
  {
    name: "statements can be cancelled",
    defence: "no cancelling",
    family: "session",
    file: dialect,
    from: "{ canCancelQuery: false }",
    to: "{ canCancelQuery: true }",
  },
  {
    name: "cursors stay",
    defence: "cleaning of a session",
    family: "session",
    file: "core/tenant-db/session-cleaning.ts",
    from: "CLOSE ALL;",
    to: "",
  },
  {
    name: "settings stay",
    defence: "cleaning of a session",
    family: "session",
    file: "core/tenant-db/session-cleaning.ts",
    from: "RESET ALL;",
    to: "",
  },
  {
    name: "prepared statements stay",
    defence: "cleaning of a session",
    family: "session",
    file: "core/tenant-db/session-cleaning.ts",
    from: "DEALLOCATE ALL;",
    to: "",
  },
  {
    name: "listening goes on",
    defence: "cleaning of a session",
    family: "session",
    file: "core/tenant-db/session-cleaning.ts",
    from: "UNLISTEN *;",
    to: "",
  },
];
