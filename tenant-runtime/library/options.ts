/** What an importer says to open a tenancy, and the configuration that the runtime's own code reads. */
import { z } from "zod";
import { defaultConfig, type Config } from "../../core/config.ts";
import type { Logger } from "../../core/logger.ts";

export interface TenancyOptions {
  /**
   * `postgres://…` of the database that the control plane set up. Server and database are read from it, and so is
   * `sslmode`; user and password are not used: the library logs in with two roles of its own, which own nothing.
   */
  readonly databaseUrl: string;
  /** `redis://…` of the platform. */
  readonly redisUrl: string;
  /** The platform's master key, 32 bytes or their base64: the passwords of those two roles are derived from it. */
  readonly masterKey: string | Uint8Array;
  /** The same database through a transaction-mode pooler, for tenants' statements only. Absent: `databaseUrl`. */
  readonly poolUrl?: string | undefined;
  /** Connections that all tenants of this process share. Default 10. */
  readonly connections?: number | undefined;
  /** How long a database that is not set up yet is waited for, in seconds. Default 60; 0 asks once. */
  readonly waitSeconds?: number | undefined;
  /**
   * Folder with migrations of your own for tenants' schemas, as the platform's `TENANT_MIGRATIONS`: the process says by them
   * which schemas it can serve. One for the whole process; absent: none.
   */
  readonly migrationsDir?: string | undefined;
  /** Shown in pg_stat_activity. Default `tenancy`. */
  readonly name?: string | undefined;
  /** Pino. Default: warnings and errors as JSON lines on stderr. */
  readonly log?: Logger | undefined;
}

const base64Of32Bytes = z.string().refine((text) => Buffer.from(text, "base64").length === 32);
const bytes32 = z.instanceof(Uint8Array).refine((bytes) => bytes.length === 32);

const url = (protocols: RegExp, example: string) => z.string(`must be a string, ${example}`).regex(protocols, example);
const postgresUrl = url(/^postgres(ql)?:\/\/./, "must start with postgres://");

const schema = z.strictObject({
  databaseUrl: postgresUrl,
  redisUrl: url(/^rediss?:\/\/./, "must start with redis:// or rediss://"),
  masterKey: z.union([base64Of32Bytes, bytes32], "must be 32 bytes, or a string that holds them in base64"),
  poolUrl: postgresUrl.optional(),
  connections: z.int().min(1).max(200).default(10),
  waitSeconds: z.number().min(0).default(60),
  migrationsDir: z.string().min(1).optional(),
  name: z.string().min(1).max(40).default("tenancy"),
  log: z
    .custom<Logger>((log) => typeof (log as Logger | undefined)?.warn === "function", "must be a pino logger")
    .optional(),
});

export interface CheckedOptions {
  readonly config: Config;
  readonly name: string;
  readonly patienceMs: number;
  readonly log: Logger | undefined;
}

/** @throws TypeError that names every option that is not usable, and repeats no value. */
export function checkOptions(options: TenancyOptions): CheckedOptions {
  const parsed = schema.safeParse(options);
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `${issue.path.join(".") || "options"}: ${issue.message}`);
    throw new TypeError(`openTenancy cannot use these options:\n  ${problems.join("\n  ")}`);
  }
  const { databaseUrl, redisUrl, masterKey, poolUrl, connections, waitSeconds, migrationsDir, name, log } = parsed.data;
  const config = defaultConfig({
    DATABASE_URL: databaseUrl,
    REDIS_URL: redisUrl,
    MASTER_KEY: typeof masterKey === "string" ? masterKey : Buffer.from(masterKey).toString("base64"),
    DB_POOL_MAX: connections,
    ...(poolUrl === undefined ? {} : { DATABASE_POOL_URL: poolUrl }),
    ...(migrationsDir === undefined ? {} : { TENANT_MIGRATIONS: migrationsDir }),
  });
  return { config, name, patienceMs: waitSeconds * 1000, log };
}

/** `DATABASE_URL`, `REDIS_URL`, `MASTER_KEY`, `DATABASE_POOL_URL`, `DB_POOL_MAX` and `TENANT_MIGRATIONS`; `openTenancy` says what is missing. */
export function optionsFromEnv(env: Readonly<Record<string, string | undefined>>): TenancyOptions {
  const { DATABASE_URL = "", REDIS_URL = "", MASTER_KEY = "", DATABASE_POOL_URL, DB_POOL_MAX, TENANT_MIGRATIONS } = env;
  return {
    databaseUrl: DATABASE_URL,
    redisUrl: REDIS_URL,
    masterKey: MASTER_KEY,
    ...(DATABASE_POOL_URL ? { poolUrl: DATABASE_POOL_URL } : {}),
    ...(TENANT_MIGRATIONS ? { migrationsDir: TENANT_MIGRATIONS } : {}),
    ...(DB_POOL_MAX ? { connections: Number(DB_POOL_MAX) } : {}),
  };
}
