/** A folder of migrations beside the product's own, for what the lint finds in it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { migrationFolder, useMigrationFolders } from "../../core/migrations/folders.ts";
import { lintMigrations } from "../../core/migrations/lint/lint-migrations.ts";

export interface LintFolder {
  readonly path: string;
  write(files: Readonly<Record<string, string>>): void;
  remove(name: string): void;
  /** What was read before is read again. */
  use(): void;
  /** Writes files and answers what is found in all of them, as `<file>:<line> <level> <code>`. */
  readonly lint: (files: Readonly<Record<string, string>>) => Promise<string[]>;
}

/** An empty one for each test. */
export function useLintFolder(): LintFolder {
  let path = "";
  const use = () => useMigrationFolders("tenant", [migrationFolder("tenant"), path]);
  const write: LintFolder["write"] = (files) => {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text);
  };
  beforeEach(() => {
    path = mkdtempSync(join(tmpdir(), "secretaria-lint-"));
    use();
  });
  afterEach(() => {
    useMigrationFolders("tenant", undefined);
    rmSync(path, { recursive: true });
  });
  return {
    get path() {
      return path;
    },
    write,
    remove: (name) => rmSync(join(path, name)),
    use,
    async lint(files) {
      write(files);
      const found = await lintMigrations({ kind: "tenant" });
      return found.map(({ file, line, level, code }) => `${file.split("/").at(-1)}:${line} ${level} ${code}`);
    },
  };
}
