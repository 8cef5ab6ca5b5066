/** Whom a statement works for, and on what terms: settings of its transaction that say so, before it runs. */
import pg from "pg";
import { extensionSchema } from "../migrations/tenant-schema.ts";
import { serviceTimeoutMs } from "../service-roles.ts";
import type { Lease } from "./lease.ts";
import { roleName, schemaName, type Tenant } from "../tenant.ts";

/** `names`: only for the scratch tenants of the isolation probe, which are no companies. */
export type TenantIdentity = Pick<Tenant, "id" | "uuid"> & {
  readonly names?: { readonly role: string; readonly schema: string };
};

export interface Scope {
  readonly tenant: number;
  /** Constant `SET LOCAL` statements, without a question mark. */
  readonly statements: string;
  /** The same as one statement that can be prepared; the values are the tenant's. It answers no row. */
  readonly statement: ScopeStatement;
  /** Connections that the tenant may hold at once. */
  readonly share: number;
  readonly statementTimeoutMs: number;
  /** The terms on which it is lent connections, made when it first is: a look-up for each statement would cost more. */
  lease?: Lease;
}

export interface ScopeStatement {
  /** The same for each text: a connection keeps it prepared. */
  readonly name: string;
  readonly text: string;
  readonly values: readonly string[];
  /** Its messages where it is prepared, and where it is not, made when they are first sent. */
  prepared?: Buffer;
  nameless?: Buffer;
}

export interface ScopeTerms {
  /** Logged in as the tenant's own role: there is none to switch to. */
  readonly isDedicated: boolean;
  readonly share: number;
  readonly statementTimeoutMs: number;
}

/** A value as `set_config` takes it. */
type Setting = readonly [name: string, value: string];

export function createScope(tenant: TenantIdentity, terms: ScopeTerms): Scope {
  const { isDedicated, share, statementTimeoutMs } = terms;
  const role: Setting[] = isDedicated ? [] : [["role", tenant.names?.role ?? roleName(tenant.id)]];
  // What the runtime's role starts every session with need not be said again.
  const isKnown = !isDedicated && statementTimeoutMs === serviceTimeoutMs;
  const settings = [...role, ...identityOf(tenant), ...(isKnown ? [] : timeoutsOf(statementTimeoutMs))];
  const statements = settings.map(setLocal).join(";");
  return { tenant: tenant.id, statements, statement: scopeStatement(settings), share, statementTimeoutMs };
}

const identityOf = ({ id, uuid, names }: TenantIdentity): Setting[] => [
  ["search_path", `${asShown(names?.schema ?? schemaName(id))}, ${extensionSchema}`],
  ["app.current_tenant", uuid],
];

/** `set_config` keeps a path as it is written, `SET` quotes only what must be: both are to show the same. */
const asShown = (name: string): string => (/^[a-z_][a-z0-9_]*$/.test(name) ? name : pg.escapeIdentifier(name));

const timeoutsOf = (timeoutMs: number): Setting[] => [
  ["statement_timeout", String(timeoutMs)],
  ["idle_in_transaction_session_timeout", String(timeoutMs)],
];

/** Of the transaction only: on the session it would leak to the next tenant behind a transaction-mode pooler. */
const setLocal = ([name, value]: Setting): string =>
  `SET LOCAL ${name} TO ${name === "search_path" ? value : pg.escapeLiteral(value)}`;

/** How many settings there are tells which they are. */
function scopeStatement(settings: readonly Setting[]): ScopeStatement {
  const calls = settings.map(([name], i) => `pg_catalog.set_config('${name}', $${i + 1}, true)`);
  return {
    name: `secretaria_scope_${settings.length}`,
    text: `SELECT WHERE pg_catalog.num_nulls(${calls.join(", ")}) > 0`,
    values: settings.map(([, value]) => value),
  };
}
