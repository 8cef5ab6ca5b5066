/** Everything that the tests of one file need, on a database of their own. Types only: see library/tenancy.ts. */
import type { Knex } from "knex";
import type { Logger, ServedTenant, Tenancy } from "../tenant-runtime/library/index.ts";

export interface TestTenancyOptions {
  /** A PostgreSQL server for tests, as a role that may create databases and roles. Absent: one is started. */
  readonly databaseUrl?: string | undefined;
  /** Absent: one is started. */
  readonly redisUrl?: string | undefined;
  /** 32 bytes in base64; the same for all runs on one server, whose roles carry a mark of it. Default: a key for tests. */
  readonly masterKey?: string | undefined;
  /** Folder with migrations of your own, which every tenant gets; one for the whole process. */
  readonly migrationsDir?: string | undefined;
  /** Pino. Default: says nothing. */
  readonly log?: Logger | undefined;
}

export interface TestTenancy {
  readonly tenancy: Tenancy;
  /** For what opens a tenancy itself, e.g. the app in a process of its own; these are `openTenancy`'s options. */
  readonly options: {
    readonly databaseUrl: string;
    readonly redisUrl: string;
    readonly masterKey: string;
    readonly migrationsDir?: string;
  };
  /** The registry as its owner, for what the helpers do not make: another plan, a company that is suspended. */
  readonly registry: Knex;
  /** @throws AppError `plan-unknown`; a unique violation for a slug that is taken. */
  createTenant(tenant?: NewTestTenant): Promise<TestTenant>;
  /** An access token for `Authorization: Bearer`. */
  tokenFor(tenant: ServedTenant, options?: TokenOptions): Promise<string>;
  /** Drops the database and its tenants' roles, and stops what was started. */
  close(): Promise<void>;
}

export interface NewTestTenant {
  /** 3 to 32 characters of a-z, 0-9 and single hyphens. Default: one that no other tenant here has. */
  readonly slug?: string | undefined;
  readonly name?: string | undefined;
  /** Code of a plan: `basic` (default), `premium`, `enterprise`, or one that the test put into `plans`. */
  readonly plan?: string | undefined;
  /** Default: the plan's. */
  readonly modules?: readonly string[] | undefined;
}

/** A tenant, its database handle, and the hosts that a request names it by. */
export interface TestTenant extends ServedTenant {
  readonly apiHost: string;
  readonly chatHost: string;
}

export interface TokenOptions {
  /** Default `member`. */
  readonly role?: "owner" | "admin" | "member" | undefined;
  /** The person is made when the tenant has nobody of that address. Default: `<role>@<slug>.test`. */
  readonly email?: string | undefined;
  readonly name?: string | undefined;
  /** Default 3600; a negative one makes a token that has expired. */
  readonly ttlSeconds?: number | undefined;
}
