/** The matrix as people read it: a row for each point, a column for each way of striking. */
import type { Column } from "./columns.ts";
import type { ChaosPoint } from "./points.ts";
import type { CellResult } from "./run-cell.ts";

const width = 15;
const wide = (text: string) => text.padEnd(width);

/** Points and columns that have a result; what was left out of a sample is a dot. */
export function drawMatrix(
  points: readonly ChaosPoint[],
  columns: readonly Column[],
  results: readonly CellResult[],
): string[] {
  const cell = (point: ChaosPoint, column: Column) =>
    results.find((r) => r.column === column.name && r.point === point.point && r.operation === point.operation);
  const rows = points.filter((point) => columns.some((column) => cell(point, column)));
  const head = ([0, 1] as const).map(
    (line) =>
      " ".repeat(42) +
      columns
        .map(({ title }) => wide(title[line]))
        .join("")
        .trimEnd(),
  );
  return [
    ...head,
    ...rows.map((point) => {
      const cells = columns.map((column) => wide(verdictOf(cell(point, column)))).join("");
      return `${point.operation.padEnd(10)}${point.point.padEnd(32)}${cells.trimEnd()}`;
    }),
  ];
}

export function verdictOf(result: CellResult | undefined): string {
  if (result === undefined) return "·";
  return result.fault === undefined ? `ok ${result.recoverySeconds.toFixed(1)} s` : "FAILED";
}
