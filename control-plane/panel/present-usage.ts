/** What a company used, in numbers that a person reads. */
import type { UsageReport } from "../tenants/usage/schema.ts";
import type { Locale } from "./locale.ts";

type Counts = UsageReport["total"];
type Name = keyof Counts;

const names: readonly Name[] = ["requests", "rows", "bytesIn", "bytesOut", "jobs", "storageBytes"];

/** The newest day first. */
export function presentUsage(locale: Locale, { days, total, updatedAt }: UsageReport) {
  return {
    isCounted: days.length > 0,
    totals: presentCounts(locale, total),
    headings: names.map((name) => locale.text(`usage.${name}`)),
    days: days.toReversed().map(({ day, ...counts }) => ({
      date: day,
      // At noon: days are those of UTC, wherever the server is.
      text: locale.day(new Date(`${day}T12:00:00Z`)),
      counts: presentCounts(locale, counts),
    })),
    updatedAt,
  };
}

const presentCounts = (locale: Locale, counts: Counts) =>
  names.map((name) => ({ name, title: locale.text(`usage.${name}`), value: presentCount(locale, name, counts[name]) }));

/** Bytes as a size; what was not measured is a dash. */
function presentCount(locale: Locale, name: Name, count: number | null): string {
  if (count === null) return "–";
  return name.toLowerCase().includes("bytes") ? locale.bytes(count) : locale.count(count);
}
