/** What is counted of a company's use, and the days that it is counted by. */
export const usageNames = ["requests", "rows", "bytes_in", "bytes_out", "jobs"] as const;
export type UsageName = (typeof usageNames)[number];
export type Usage = Record<UsageName, number>;

export const noUsage = (): Usage => ({ requests: 0, rows: 0, bytes_in: 0, bytes_out: 0, jobs: 0 });

const dayMs = 86_400_000;

/** Days since 1970 in UTC: a bill's day begins for all companies at the same moment. */
export const utcDay = (at = Date.now()): number => Math.floor(at / dayMs);

/** `2026-11-22`, as PostgreSQL takes it. */
export const dateOfDay = (day: number): string => new Date(day * dayMs).toISOString().slice(0, 10);
