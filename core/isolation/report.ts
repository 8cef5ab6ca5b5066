/** How serving processes tell the control plane which level of isolation they found: one hash in Redis, refreshed. */
import { hostname } from "node:os";
import { z } from "zod";
import type { Logger } from "../logger.ts";
import type { Redis } from "../redis.ts";
import { isolationLevels, type Isolation } from "./probe.ts";

const key = "secretaria:isolation";
const refreshMs = 30_000;
/** A process that was not heard of for so long is not there any more. */
const forgottenAfterMs = 3 * refreshMs;

const reportSchema = z.object({
  service: z.string(),
  level: z.enum(isolationLevels),
  failed: z.array(z.string()),
  at: z.number(),
});

export type IsolationReport = z.output<typeof reportSchema>;

/** Reports at once and every half a minute until stopped, which takes the report back. A lost Redis costs nothing. */
export function keepReporting(
  { redis, log }: { redis: Redis; log: Logger },
  service: string,
  { level, failed }: Isolation,
): () => Promise<void> {
  const field = `${service}@${hostname()}:${process.pid}`;
  const names = failed.map(({ name }) => name);
  const ignore = (error: unknown) => log.debug({ err: error }, "the level of isolation is not reported");
  const report = () =>
    redis.hset(key, field, JSON.stringify({ service, level, failed: names, at: Date.now() })).catch(ignore);
  void report();
  const timer = setInterval(() => void report(), refreshMs);
  timer.unref();
  return async () => {
    clearInterval(timer);
    await redis.hdel(key, field).catch(ignore);
  };
}

/** Of all serving processes that live, the weakest first. Forgets those that are gone. */
export async function readReports(redis: Redis): Promise<IsolationReport[]> {
  const fields = Object.entries(await redis.hgetall(key));
  const reports = fields.map(([field, text]) => ({ field, report: parseReport(text) }));
  const isFresh = ({ report }: { report: IsolationReport | undefined }) =>
    report !== undefined && report.at > Date.now() - forgottenAfterMs;
  const gone = reports.filter((one) => !isFresh(one)).map(({ field }) => field);
  if (gone.length > 0) await redis.hdel(key, ...gone);
  const rank = ({ level }: IsolationReport) => isolationLevels.indexOf(level);
  return reports
    .filter(isFresh)
    .map(({ report }) => report as IsolationReport)
    .toSorted((a, b) => rank(a) - rank(b));
}

function parseReport(text: string): IsolationReport | undefined {
  try {
    return reportSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
