/** The one form of all benchmarks: a table for people and, with --json, a last line for programs. */

export interface BenchResult {
  readonly bench: string;
  /** Product over floor, measured in the same run; what to trust on a noisy machine. */
  readonly ratios: Readonly<Record<string, number>>;
  /** Absolute figures, with their unit in the name. */
  readonly figures: Readonly<Record<string, number>>;
}

export function printResult(result: BenchResult, json: boolean): void {
  const rows = [
    ...Object.entries(result.ratios).map(([name, value]) => [`ratio ${name}`, `${round(value)}x`]),
    ...Object.entries(result.figures).map(([name, value]) => [name, String(round(value))]),
  ];
  const width = Math.max(...rows.map(([name = ""]) => name.length));
  process.stdout.write(`\n${result.bench}\n`);
  for (const [name = "", value = ""] of rows) process.stdout.write(`  ${name.padEnd(width)}  ${value}\n`);
  if (!json) return;
  const rounded = (values: Readonly<Record<string, number>>) =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [name, round(value)]));
  process.stdout.write(
    `${JSON.stringify({ bench: result.bench, ratios: rounded(result.ratios), figures: rounded(result.figures) })}\n`,
  );
}

/** Nearest-rank percentile. `share` from 0 to 1. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

/** Returns the value below which that share of the values lies, between two of them in proportion; 0.5 is the median. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const place = (sorted.length - 1) * share;
  const at = (index: number) => sorted[index] ?? Number.NaN;
  return at(Math.floor(place)) + (at(Math.ceil(place)) - at(Math.floor(place))) * (place % 1);
}

const round = (value: number): number => Math.round(value * 1000) / 1000;
