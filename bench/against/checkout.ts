/** The folder that `--against` names. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { projectPath } from "../../core/paths.ts";
import { UsageError } from "../usage-error.ts";

const programs = ["control-plane", "tenant-runtime", "workers"].map((name) => join(name, "main.ts"));

/**
 * Returns the absolute path of a checkout of this project whose programs can be run.
 * @throws UsageError that says in one line what is wrong with it, and what to type where packages are missing.
 */
export function findCheckout(path: string): string {
  const folder = resolve(path);
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new UsageError(`--against ${path}: there is no such folder`);
  if (!isCheckout(folder)) throw new UsageError(`--against ${path}: this is no checkout of Secretária`);
  const modules = join(folder, "node_modules");
  // Without development packages there is no compiler.
  if (!existsSync(join(modules, "typescript"))) throw new UsageError(`--against ${path}: ${adviceOf(folder)}`);
  return folder;
}

function isCheckout(folder: string): boolean {
  if (!programs.every((program) => existsSync(join(folder, program)))) return false;
  try {
    const { name } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { name?: unknown };
    return name === "secretaria";
  } catch {
    return false;
  }
}

/** Where the lock files are the same, ours are the packages that `npm ci` would install. */
function adviceOf(folder: string): string {
  const install = `(cd ${folder} && npm ci)`;
  if (!isSameLock(folder) || existsSync(join(folder, "node_modules"))) return `its packages are missing: ${install}`;
  return `its packages are missing: ln -s ${projectPath("node_modules")} ${folder}/ (or ${install})`;
}

function isSameLock(folder: string): boolean {
  const [ours, theirs] = [projectPath("package-lock.json"), join(folder, "package-lock.json")];
  return existsSync(theirs) && readFileSync(ours).equals(readFileSync(theirs));
}
