/** Who a statement is, and for how long. */
import type { Mutation } from "./mutation.ts";

const pool = "core/tenant-db/tenant-pool.ts";
const scope = "core/tenant-db/scope.ts";
const dialect = "core/tenant-db/tenant-dialect.ts";

export const inScopes: readonly Mutation[] = [
  {
    name: "SET LOCAL stays on the session",
    defence: "settings end with the transaction",
    family: "session",
    file: scope,
    from: "`SET LOCAL ${name} ",
    to: "`SET ${name} ",
  },
  {
    name: "set_config stays on the session",
    defence: "settings end with the transaction",
    family: "session",
    file: scope,
    from: "$${i + 1}, true)`",
    to: "$${i + 1}, false)`",
  },
  {
    name: "the scope ends before its statement",
    defence: "role of a tenant",
    family: "session",
    file: "core/tenant-db/scope-sender.ts",
    from: "  to.parse({ text });\n  to.bind({ values, valueMapper",
    to: "  to.sync();\n  to.parse({ text });\n  to.bind({ values, valueMapper",
  },
  {
    name: "no role",
    defence: "role of a tenant",
    family: "session",
    file: scope,
    from: "const settings = [...role, ",
    to: "const settings = [...role.slice(1), ",
  },
  {
    name: "public on the path",
    defence: "search path of a tenant",
    family: "session",
    file: scope,
    from: "${extensionSchema}`]",
    to: "${extensionSchema}, public`]",
  },
  {
    name: "no path",
    defence: "search path of a tenant",
    family: "session",
    file: scope,
    from: '["search_path", `${',
    to: '["secretaria.no_path", `${',
  },
  {
    name: "no identity",
    defence: "identity of a tenant",
    family: "session",
    file: scope,
    from: '["app.current_tenant", uuid]',
    to: '["app.no_tenant", uuid]',
  },
  {
    name: "no statement timeout",
    defence: "statement timeout",
    family: "session",
    file: scope,
    from: '["statement_timeout", String(timeoutMs)]',
    to: '["app.no_timeout", String(timeoutMs)]',
  },
  {
    name: "handles share a context",
    defence: "a handle of one's own",
    family: "session",
    file: pool,
    from: "Object.assign(Object.create((shared as Contextual).context) as object, {",
    to: "Object.assign((shared as Contextual).context, {",
  },
  {
    name: "a savepoint before the scope",
    defence: "scope before every savepoint",
    family: "session",
    file: dialect,
    from: '" READ ONLY" : ""};${scope.statements}',
    to: '" READ ONLY" : ""};SAVEPOINT scope;${scope.statements}',
  },
  {
    name: "transactions may be forgotten",
    defence: "idle transactions end",
    family: "session",
    file: scope,
    from: '["idle_in_transaction_session_timeout", String(timeoutMs)]',
    to: '["app.no_timeout", String(timeoutMs)]',
  },
  {
    name: "whoever writes COMMIT ends the transaction",
    defence: "only Knex ends a transaction",
    family: "session",
    file: dialect,
    from: "connection.transaction.takeEnding() ? endings[sql] : undefined;",
    to: "this.transacting && endings[sql];",
  },
];
