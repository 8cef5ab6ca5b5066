import { pino, type DestinationStream, type Logger as PinoLogger } from "pino";
import { findCurrentTenant } from "./current-tenant.ts";
import { reasonOf } from "./errors.ts";

export type Logger = PinoLogger;

/** Keys that never reach a log line, at any of the first three levels. */
const secretKeys = [
  "password",
  "token",
  "accessToken",
  "refreshToken",
  "initialToken",
  "authorization",
  "cookie",
  "privateKey",
  "masterKey",
  "databaseUrl",
  "redisUrl",
  "DATABASE_URL",
  "DATABASE_POOL_URL",
  "REDIS_URL",
  "MASTER_KEY",
  "ADMIN_PASSWORD",
  "SMTP_URL",
];

/** JSON lines on stderr; `service` is on every line. stdout is kept for what a program answers to its user. */
export function createLogger(service: string, level: string, destination: DestinationStream = stderr()): Logger {
  const paths = secretKeys.flatMap((key) => [key, `*.${key}`, `*.*.${key}`]);
  return pino(
    {
      level,
      base: { service },
      mixin: tenantOfLine,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths, censor: "[secret]" },
      serializers: { err: serializeError },
    },
    destination,
  );
}

const stderr = () => pino.destination({ dest: 2, sync: true });

/** Every line that is written on the way of a tenant's request or job says whose (mission M7). */
function tenantOfLine(): { tenant_id?: number } {
  const tenant = findCurrentTenant();
  return tenant === undefined ? {} : { tenant_id: tenant.id };
}

/** Keeps what helps to find a fault; drops node-postgres's `detail` and bound values, which carry tenants' data. */
export function serializeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: String(error) };
  const { code, constraint, table, schema } = error as unknown as Record<string, unknown>;
  const reason = reasonOf(error);
  const cause = error.cause === undefined ? undefined : serializeError(error.cause);
  return {
    type: error.name,
    message: withoutUrls(reason),
    code,
    constraint,
    table,
    schema,
    stack: withoutUrls((error.stack ?? "").replace(error.message, () => reason)),
    cause,
  };
}

/** `postgres://user:secret@host` → `postgres://…@host`. */
export function withoutUrls(text: string): string {
  return text.replace(/(\w+:\/\/)[^\s/@]+@/g, "$1…@");
}
