/** Lends connections to tenants: each as many as its share, where possible the ones that know it. */
import { createAffinePool } from "./affine-pool.ts";
import { createMemoryCheck } from "./backend-memory.ts";
import { createBriefStatements } from "./brief-statements.ts";
import { createFairShare } from "./fair-share.ts";
import { nobody, type Lease } from "./lease.ts";
import type pg from "pg";
import type { Scope } from "./scope.ts";
import type { Statement, TenantConnection } from "./tenant-connection.ts";

export interface TenantConnections {
  /** @throws AppError `tenant-busy`; Error "Timeout acquiring a connection"; what opening one throws. */
  lend(scope: Scope): Promise<TenantConnection>;
  /** One statement that leaves nothing on a session, in its scope. @throws as `lend`, and the statement's error. */
  run(scope: Scope, statement: Statement): Promise<pg.QueryResult>;
  /** What is not proven clean is closed. */
  takeBack(connection: TenantConnection): void;
  lost(connection: TenantConnection): void;
  close(): Promise<void>;
}

export interface TenantConnectionsOptions {
  readonly max: number;
  readonly open: () => Promise<TenantConnection>;
  /** What one server process may grow to. */
  readonly backendMb: number;
  readonly onRows?: ((tenant: number, rows: number) => void) | undefined;
}

const waitMs = 10_000;
const hourMs = 3_600_000;
/** Beyond the statement timeout: how long the server's word of it may be on its way. */
const answerGraceMs = 5_000;

export function createTenantConnections(options: TenantConnectionsOptions): TenantConnections {
  const { max, open, backendMb, onRows } = options;
  const share = createFairShare(waitMs);
  const brief = createBriefStatements();
  const pool = createAffinePool({
    max,
    open,
    close: closeConnection,
    measure: createMemoryCheck(backendMb),
    waitMs,
    idleMs: hourMs / 6,
    maxAgeMs: hourMs,
    maxUses: 1_000_000,
  });
  // Half of all, so that one tenant alone never takes everything.
  const shareOf = (scope: Scope) => Math.max(1, Math.min(scope.share, Math.ceil(max / 2)));
  const acquire = (scope: Scope) =>
    Promise.resolve(pool.acquire(scope.tenant)).then(
      (connection) => {
        connection.lease = leaseOf(scope);
        return connection;
      },
      (error: Error) => {
        share.leave(scope.tenant);
        throw error;
      },
    );
  const leaseOf = (scope: Scope): Lease => (scope.lease ??= createLease(scope));
  const createLease = ({ tenant, statementTimeoutMs }: Scope): Lease => {
    // The scratch tenants of the probe belong to no company.
    const toCount = tenant > 0 ? onRows : undefined;
    const answerWithinMs = statementTimeoutMs + answerGraceMs;
    return { tenant, answerWithinMs, onRows: toCount && ((rows: number) => toCount(tenant, rows)) };
  };
  const runOn = (connection: TenantConnection, scope: Scope, statement: Statement, isBrief: boolean) => {
    const sentAt = performance.now();
    const before = connection.unanswered;
    const running = connection.runScoped(scope, statement, leaseOf(scope), isBrief);
    const giveBack = () => {
      brief.took(statement.text, scope.tenant, performance.now() - sentAt, before);
      pool.release(connection);
      share.leave(scope.tenant);
    };
    running.then(giveBack, giveBack);
    return running;
  };
  const runInside = (scope: Scope, statement: Statement) => {
    const takesMs = brief.timeOf(statement.text, scope.tenant);
    const isBrief = takesMs < Infinity;
    const found = pool.acquire(scope.tenant, takesMs);
    if (!(found instanceof Promise)) return runOn(found, scope, statement, isBrief);
    const refused = (error: Error) => {
      share.leave(scope.tenant);
      throw error;
    };
    return found.then((connection) => runOn(connection, scope, statement, isBrief), refused);
  };
  return {
    run(scope, statement) {
      const entering = share.enter(scope.tenant, shareOf(scope));
      return entering === undefined ? runInside(scope, statement) : entering.then(() => runInside(scope, statement));
    },
    lend(scope) {
      const entering = share.enter(scope.tenant, shareOf(scope));
      return entering === undefined ? acquire(scope) : entering.then(() => acquire(scope));
    },
    takeBack(connection) {
      const { tenant } = connection.lease;
      if (tenant === undefined) return;
      connection.lease = nobody;
      pool.release(connection);
      share.leave(tenant);
    },
    lost: (connection) => pool.lost(connection),
    close() {
      share.close();
      return pool.close();
    },
  };
}

function closeConnection(connection: TenantConnection): void {
  if (connection.isClean) void connection.end().catch(() => undefined);
  else connection.discard("Connection terminated: it was given back in the middle of something");
}
