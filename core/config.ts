/** Every environment key of the product: its meaning, its default. Nothing else reads the environment. */
import { isIP } from "node:net";
import { z } from "zod";
import { gatewayRoutes } from "./gateway-routes.ts";

const port = (fallback: number) => z.coerce.number().int().min(0).max(65535).default(fallback);
const seconds = (fallback: number) => z.coerce.number().positive().default(fallback);
const hostName = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/;

/** `10.0.0.1, fd00::/8` as a list. */
const addresses = z
  .string()
  .transform((text) =>
    text
      .split(",")
      .map((part) => part.trim())
      .filter(Boolean),
  )
  .refine((list) => list.every(isAddressRange), "must be addresses or CIDR ranges with commas between them");

const schema = z.object({
  /** Folder of the embedded servers' data, the master key and connection.json. */
  DATA_DIR: z.string().min(1).default(".data"),
  /** PostgreSQL as the platform's owner role (CREATEROLE, owner of the database). Absent: the embedded server. */
  DATABASE_URL: z
    .string()
    .regex(/^postgres(ql)?:\/\//, "must start with postgres://")
    .optional(),
  /** The same database through a transaction-mode pooler, for tenants' statements only. Absent: DATABASE_URL. */
  DATABASE_POOL_URL: z
    .string()
    .regex(/^postgres(ql)?:\/\//, "must start with postgres://")
    .optional(),
  /** Redis as a user that may administer ACLs. Absent: the embedded server. */
  REDIS_URL: z
    .string()
    .regex(/^rediss?:\/\//, "must start with redis:// or rediss://")
    .optional(),
  /** 32 bytes in base64: encrypts private keys at rest and derives the service passwords. Absent: DATA_DIR/master.key. */
  MASTER_KEY: z
    .string()
    .refine((v) => Buffer.from(v, "base64").length === 32, "must be 32 bytes in base64")
    .optional(),
  /** Address that every listener binds to. */
  BIND_ADDRESS: z.string().default("127.0.0.1"),
  CONTROL_PLANE_PORT: port(4000),
  RUNTIME_HTTP_PORT: port(8080),
  RUNTIME_HTTPS_PORT: port(8443),
  /** Platform domain under which tenants get `chat.<slug>.` and `api.<slug>.` */
  BASE_DOMAIN: z.string().toLowerCase().regex(hostName, "must be a host name").default("localhost"),
  /** Address of the panel as browsers see it, used in links. Absent: http://localhost:<CONTROL_PLANE_PORT>. */
  PUBLIC_URL: z.url().optional(),
  /** HTTPS port that tenants' links carry; 443 is left out of the link. Absent: RUNTIME_HTTPS_PORT. */
  PUBLIC_HTTPS_PORT: z.coerce.number().int().min(1).max(65535).optional(),
  /** Makes the first admin without the one-time link. Both or neither. */
  ADMIN_EMAIL: z.email().optional(),
  ADMIN_PASSWORD: z.string().min(10, "needs at least 10 characters").optional(),
  /** Companies with a login of their own (plans of isolation `dedicated`) that one process keeps connections open for, three each. */
  DEDICATED_POOLS_MAX: z.coerce.number().int().min(1).max(10_000).default(50),
  /** Proxies in front of the tenant runtime, as addresses and CIDR ranges; only theirs are `X-Forwarded-*` headers believed. */
  TRUSTED_PROXIES: addresses.default([]),
  /** JSON array of the paths that services behind the tenant runtime answer: see docs/GATEWAY.md. */
  GATEWAY_ROUTES: gatewayRoutes.default([]),
  /** How long companies that were served go on being served while the registry does not answer. */
  RESOLUTION_STALE_SECONDS: seconds(300),
  /** A client that has not sent its whole request to the tenant runtime after this is cut off. */
  CLIENT_TIMEOUT_SECONDS: seconds(30),
  /** Connections that one process keeps to PostgreSQL for each role. */
  DB_POOL_MAX: z.coerce.number().int().min(1).max(200).default(10),
  /** How long the tenant runtime works on a request before it answers 503; event streams may take any time. */
  REQUEST_TIMEOUT_SECONDS: seconds(30),
  /** How often each process hands over what companies used: what a killed process loses at most. */
  USAGE_FLUSH_SECONDS: seconds(5),
  /** How often the control plane collects what companies used. */
  USAGE_COLLECT_SECONDS: seconds(300),
  /** Memory that one connection's server process may grow to by the tenants it knows before a fresh one takes its place, in MB. */
  DB_BACKEND_MB: z.coerce.number().positive().default(64),
  /** How long `POST /api/tenants/provision` waits for a company to be servable when the request names no wait. */
  PROVISION_WAIT_SECONDS: seconds(10),
  /** How long a process owns a tenant's convergence without renewing; a dead process is taken over after this. */
  LEASE_SECONDS: seconds(10),
  /** How often each process says that it lives; after ten beats of silence it counts as dead. */
  PROCESS_HEARTBEAT_SECONDS: z.coerce.number().min(0.05).max(3600).default(5),
  /** How often the control plane looks for convergence that is due; for mails half as often. */
  SWEEP_SECONDS: seconds(1),
  /** How long a deleted company is kept, closed, before everything it owns is removed; 0 removes it at once. */
  DELETION_GRACE_DAYS: z.coerce.number().min(0).max(3650).default(30),
  /** Folder of exports. Absent: DATA_DIR/archives. Several control planes need one folder that all of them see. */
  ARCHIVE_DIR: z.string().min(1).optional(),
  /** How long the export of a removed company is kept. */
  ARCHIVE_RETENTION_DAYS: z.coerce.number().min(0).max(3650).default(90),
  /** How often everything that a company owns is looked at, spread evenly over that time. */
  INSPECTION_HOURS: z.coerce.number().positive().max(720).default(6),
  /** Folder with more migrations of tenants' schemas, numbered from 5000: docs/MIGRATIONS.md. The same for all processes. */
  TENANT_MIGRATIONS: z.string().min(1).optional(),
  /** Schemas kept ready ahead of the next companies. */
  WARM_TENANTS: z.coerce.number().int().min(0).max(1000).default(0),
  /** Where e-mails are handed in: smtp://user:password@host:587 or smtps://. Absent: a mail becomes a log event. */
  SMTP_URL: z
    .string()
    .regex(/^smtps?:\/\//, "must start with smtp:// or smtps://")
    .optional(),
  /** Sender of e-mails. */
  MAIL_FROM: z.string().min(3).default("Secretária <nao-responda@localhost>"),
  /** For the chaos tool only: a file that may name a crash point and the signal with which the control plane strikes itself there. */
  CRASH_FILE: z.string().optional(),
  /** What has to isolate tenants for the runtime and the workers to start: none, pooled or hardened (docs/ISOLATION.md). */
  ISOLATION_REQUIRED: z.enum(["none", "pooled", "hardened"]).default("none"),
  LOG_LEVEL: z.enum(["fatal", "error", "warn", "info", "debug", "silent"]).default("info"),
});

export type Config = Readonly<z.infer<typeof schema>>;

/**
 * Reads and checks all keys at once.
 * @throws Error naming every bad key and why; values are never repeated, for they may be secrets.
 */
export function loadConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const filled = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ""));
  const parsed = schema.safeParse(filled);
  const problems = parsed.success ? [] : parsed.error.issues.map((i) => `${i.path.join(".")}: ${i.message}`);
  if (parsed.success && Boolean(parsed.data.ADMIN_EMAIL) !== Boolean(parsed.data.ADMIN_PASSWORD)) {
    problems.push("ADMIN_EMAIL and ADMIN_PASSWORD: set both or neither");
  }
  if (!parsed.success || problems.length > 0) {
    throw new Error(`Configuration is not usable:\n  ${problems.join("\n  ")}`);
  }
  return Object.freeze(parsed.data);
}

/** The keys with their defaults as a plain object, e.g. for tests and for children of a supervisor. */
export function defaultConfig(overrides: Partial<Config> = {}): Config {
  return Object.freeze({ ...schema.parse({}), ...overrides });
}

function isAddressRange(text: string): boolean {
  const [address = "", prefix, ...rest] = text.split("/");
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  if (prefix === undefined) return true;
  return /^\d{1,3}$/.test(prefix) && Number(prefix) > 0 && Number(prefix) <= (family === 4 ? 32 : 128);
}
