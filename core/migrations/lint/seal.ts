import { writeHistory } from "../history.ts";
import type { MigrationKind } from "../sql-files.ts";
import { renderFinding } from "./finding.ts";
import { lintMigrations } from "./lint-migrations.ts";

/**
 * Makes the files that are new history: from now on their text may not change. Answers the names that were added.
 * @throws Error with the findings when the lint finds an error; then nothing is sealed
 */
export async function sealMigrations(kind?: MigrationKind): Promise<string[]> {
  const errors = (await lintMigrations({ kind })).filter(({ level }) => level === "error");
  if (errors.length > 0) throw new Error(`mend these first:\n${errors.map(renderFinding).join("\n")}`);
  const kinds: readonly MigrationKind[] = kind === undefined ? ["public", "tenant"] : [kind];
  return kinds.flatMap(writeHistory);
}
