/** Two companies: the attacker, who holds a handle, tokens and a Redis user of its own, and the victim with marked rows. */
import { expect } from "chai";
import { Redis } from "ioredis";
import jwt from "jsonwebtoken";
import type pg from "pg";
import { runtimeRole } from "../../core/migrations/tenant-schema.ts";
import { redisUrlFor } from "../../core/redis.ts";
import { openTenantPool, type TenantHandle, type TenantPool } from "../../core/tenant-db/tenant-pool.ts";
import { redisPassword } from "../../core/tenant-secrets.ts";
import { redisUser, tenantAudience } from "../../core/tenant.ts";
import type { Claims } from "../../core/tokens.ts";
import type { Platform } from "../support/platform.ts";
import * as companies from "../support/runtime-client.ts";
import { runtimeClient, type AskRuntime, type Company } from "../support/runtime-client.ts";

export interface World {
  readonly platform: Platform;
  readonly ask: AskRuntime;
  /** The attacker. */
  readonly a: Company;
  /** The victim: each of its rows has its slug in `metadata.of`. */
  readonly b: Company;
  /** On one connection: whatever the attacker leaves behind, the victim finds. */
  readonly ofA: TenantHandle;
  readonly ofB: TenantHandle;
  /** Ids of two customers of each. */
  readonly rowsOfA: readonly [string, string];
  readonly rowsOfB: readonly [string, string];
  /** The attacker's own connection to Redis. */
  readonly redis: Redis;
  /** @throws (chai) when anything of the victim changed, or the next tenant's connection is not as it should be. */
  readonly checkVictim: () => Promise<void>;
  close(): Promise<void>;
}

const statementTimeoutMs = 1_000;

export async function openWorld(platform: Platform): Promise<World> {
  const [a, b] = await Promise.all([openCompany(platform), openCompany(platform)]);
  const [rowsOfA, rowsOfB] = await Promise.all([fill(platform, a), fill(platform, b)]);
  // Shut for everybody: what is left on a connection is looked at as whom it belongs to.
  await platform.query(`GRANT EXECUTE ON FUNCTION pg_prepared_statement() TO ${runtimeRole}`);
  const pool: TenantPool = openTenantPool(platform.servingUrl, platform.ctx.secrets, {
    name: "attacks",
    max: 1,
    statementTimeoutMs,
  });
  const [ofA, ofB] = [pool.forTenant(a), pool.forTenant(b)];
  const redis = openRedisOf(platform, a);
  const untouched = await lookAtVictim(platform, b);
  return {
    platform,
    ask: runtimeClient(platform),
    a,
    b,
    ofA,
    ofB,
    rowsOfA,
    rowsOfB,
    redis,
    checkVictim: async () => {
      expect(await lookAtVictim(platform, b), "the victim's rows and keys").to.deep.equal(untouched);
      expect(await marksOf(ofB), "what the victim sees").to.deep.equal([b.slug]);
      expect(await lookBelow(ofB), "the connection between two companies").to.deep.equal(clean);
    },
    async close() {
      redis.disconnect();
      await pool.close();
    },
  };
}

const withoutBounds = { requests_per_second: 100_000, concurrent_requests: 100_000, users_limit: 1_000 };
const allModules = ["ai", "campaigns", "chat", "crm", "finance", "store", "whatsapp", "workshop"];

/** What stops an attack is never that the company's plan is a small one. @param modules of its plan. */
export const openCompany = (platform: Platform, modules: readonly string[] = allModules): Promise<Company> => {
  const code = modules === allModules ? "attacks" : `attacks-${modules.join("-")}`;
  return companies.openCompany(platform, {
    plan: { code, name: "Ataques", priceCents: 0, limits: withoutBounds, modules },
  });
};

async function fill(platform: Platform, { id, slug }: Company): Promise<[string, string]> {
  const rows = await platform.query<{ id: string }>(
    `INSERT INTO tenant_${id}.customers (name, metadata) VALUES ('Ana', $1), ('Bia', $1) RETURNING id`,
    [{ of: slug }],
  );
  return rows.map((row) => row.id) as [string, string];
}

/** Everything that an attack could have changed and that does not change by itself. */
async function lookAtVictim(platform: Platform, { id }: Company): Promise<unknown> {
  const query = (sql: string, values: unknown[] = []) => platform.query(sql, values);
  return {
    customers: await query(`SELECT to_jsonb(c) AS row FROM tenant_${id}.customers c ORDER BY name`),
    users: await query(`SELECT id, email, name, role, is_active, password_hash FROM tenant_${id}.users ORDER BY email`),
    meta: await platform.ctx.redis.hgetall(`tenant:{${id}}:meta`),
    relations: await query("SELECT count(*)::int FROM pg_class WHERE relnamespace = $1::regnamespace", [
      `tenant_${id}`,
    ]),
  };
}

const clean = {
  isItself: true,
  role: "none",
  hasPath: false,
  tenant: "",
  zone: "UTC",
  hasOwnTimeouts: true,
  locks: 0,
  prepared: 0,
  cursors: 0,
  channels: 0,
  temporary: 0,
};

/** What the connection is like between two companies: asked without any scope. */
async function lookBelow({ db }: TenantHandle): Promise<unknown> {
  const client = db.client as {
    acquireConnection(): Promise<pg.Client>;
    releaseConnection(of: pg.Client): Promise<void>;
  };
  const connection = await client.acquireConnection();
  try {
    const { rows } = await connection.query(
      `SELECT current_user = session_user AS "isItself", current_setting('role') AS role,
              current_setting('search_path') LIKE '%tenant%' AS "hasPath",
              coalesce(current_setting('app.current_tenant', true), '') AS tenant, current_setting('TimeZone') AS zone,
              (SELECT bool_and(setting = reset_val) FROM pg_settings WHERE name LIKE '%timeout') AS "hasOwnTimeouts",
              (SELECT count(*)::int FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()) AS locks,
              (SELECT count(*)::int FROM pg_prepared_statements WHERE name !~ '^(secretaria_scope|kept)_') AS prepared,
              (SELECT count(*)::int FROM pg_cursors WHERE is_holdable) AS cursors,
              (SELECT count(*)::int FROM pg_listening_channels()) AS channels,
              (SELECT count(*)::int FROM pg_class WHERE relnamespace = pg_my_temp_schema()) AS temporary`,
    );
    return rows[0];
  } finally {
    await client.releaseConnection(connection);
  }
}

/** Whose rows a handle shows. */
export const marksOf = async ({ db }: Pick<TenantHandle, "db">): Promise<string[]> =>
  (await db("customers").distinct(db.raw("metadata->>'of' AS mark"))).map(({ mark }) => mark as string);

/** The control of most attacks on the database: the attacker's own rows are there. */
export const seesItself = async ({ ofA, a }: World): Promise<void> =>
  expect(await marksOf(ofA)).to.deep.equal([a.slug]) && undefined;

export const openRedisOf = ({ ctx }: Platform, { id }: Company, user = redisUser(id)): Redis => {
  const url = redisUrlFor(ctx.redisUrl, user, redisPassword(ctx.secrets, id));
  const redis = new Redis(url, { retryStrategy: () => null, maxRetriesPerRequest: 0, enableReadyCheck: false });
  return redis.on("error", () => undefined);
};

/** A token made by the platform's own service for tenants: only what is said here is not as it should be. */
export function forge({ platform }: World, { like, changes = {}, audience, seconds = 600 }: Forgery): string {
  const {
    exp: _exp,
    jti: _jti,
    aud: _aud,
    iat: _iat,
    iss: _iss,
    ...own
  } = claimsOf(like.token) as unknown as Record<string, unknown>;
  const claims = { ...own, ...changes } as unknown as Claims;
  return platform.ctx.tenantTokens.sign(claims, audience ?? tenantAudience(like.uuid), seconds).token;
}

export interface Forgery {
  /** Whose first token it is a copy of. */
  readonly like: Company;
  readonly changes?: object;
  /** Of the company it is like, when absent. */
  readonly audience?: string;
  readonly seconds?: number;
}

export const claimsOf = (token: string) => jwt.decode(token) as unknown as Claims & { aud: string };

export type Failure = Error & { code?: string };

/** @throws (chai) when it did not fail. */
export const failureOf = (work: PromiseLike<unknown>): Promise<Failure> =>
  Promise.resolve(work).then(
    (value) => expect.fail(`it did not fail: ${JSON.stringify(value)?.slice(0, 200)}`),
    (error: Failure) => error,
  );
