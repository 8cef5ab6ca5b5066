/** What a program does with the probe at its start: says what holds, and does not start below what is required. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Config } from "../config.ts";
import { messageOf } from "../errors.ts";
import { withoutUrls, type Logger } from "../logger.ts";
import type { TenantPool } from "../tenant-db/tenant-pool.ts";
import { isolationLevels, probeIsolation, type Isolation } from "./probe.ts";
import { listRemedies } from "./remedies.ts";

/** A control plane that starts at the same time may still be making the scratch tenants. */
const patienceMs = 10_000;

/**
 * Probes and logs. Where ISOLATION_REQUIRED is `none`, a probe that could not be made at all is a level of `none` too.
 * @throws Error below ISOLATION_REQUIRED, with the attacks that succeeded and the SQL that stops them.
 */
export async function proveIsolation(
  { config, log }: { config: Config; log: Logger },
  pool: TenantPool,
): Promise<Isolation> {
  const isolation = await probeInTime(pool).catch((error: unknown): Isolation => ({
    level: "none",
    held: [],
    failed: [{ name: "probe", why: withoutUrls(messageOf(error)) }],
  }));
  const { level, held, failed } = isolation;
  if (failed.length === 0) log.info({ level, held: held.length }, "tenants are isolated");
  else await warn(log, pool, isolation);
  const required = config.ISOLATION_REQUIRED;
  if (isolationLevels.indexOf(level) >= isolationLevels.indexOf(required)) return isolation;
  throw new Error(await refusal(required, { pool, isolation }));
}

async function probeInTime(pool: TenantPool): Promise<Isolation> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    try {
      return await probeIsolation(pool);
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await sleep(250);
    }
  }
}

async function warn(log: Logger, pool: TenantPool, { level, failed }: Isolation): Promise<void> {
  const sql = await remediesOf(pool);
  log.warn({ level, failed, sql }, "tenants are isolated less than they could be; see docs/ISOLATION.md");
}

async function refusal(
  required: string,
  { pool, isolation }: { pool: TenantPool; isolation: Isolation },
): Promise<string> {
  const sql = await remediesOf(pool);
  const failures = isolation.failed.map(({ name, why }) => `  ${name}: ${why}`);
  return [
    `ISOLATION_REQUIRED is ${required}, and this server holds ${isolation.level}. These attacks succeeded:`,
    ...failures,
    ...(sql.length > 0
      ? ["A superuser stops them in this database with:", ...sql.map((line) => `  ${line};`)]
      : ["No right that PostgreSQL gives by default is behind it; docs/ISOLATION.md says what each attack needs."]),
  ].join("\n");
}

const remediesOf = (pool: TenantPool): Promise<string[]> => listRemedies(pool).catch(() => []);
