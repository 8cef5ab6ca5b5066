import { existsSync } from "node:fs";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ownPath = fileURLToPath(import.meta.url);

/** The folder of package.json, from the sources as from dist/: SQL files and pages are read from there. */
export const projectRoot = findRoot(dirname(ownPath));

export const projectPath = (...parts: string[]): string => join(projectRoot, ...parts);

/**
 * Returns the file of one of our own programs as this process runs them: TypeScript when this module was loaded from the
 * sources, JavaScript when it was compiled, in whichever folder the compiler wrote to.
 * @param parts its path in the project, without an extension: `programPath("control-plane", "main")`.
 */
export const programPath = (...parts: string[]): string =>
  `${join(dirname(dirname(ownPath)), ...parts)}${extname(ownPath)}`;

function findRoot(folder: string): string {
  if (existsSync(join(folder, "package.json"))) return folder;
  const parent = dirname(folder);
  if (parent === folder) throw new Error("package.json was not found above the program's own files");
  return findRoot(parent);
}
