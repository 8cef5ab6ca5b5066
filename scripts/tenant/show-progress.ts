import type { ArchiveProgress } from "../../control-plane/archive/progress.ts";

const words = { export: "exported", verify: "verified", load: "loaded", compare: "compared" } as const;

/** A line for each table on a terminal; nothing into a pipe or a file. */
export const showProgress: ArchiveProgress | undefined = process.stderr.isTTY
  ? ({ step, table, done, tables, rows, bytes }) => {
      const count = `${done}/${tables}`.padStart(9);
      process.stderr.write(`${count}  ${words[step].padEnd(9)} ${table.padEnd(28)} ${rows} rows, ${bytes} bytes\n`);
    }
  : undefined;
