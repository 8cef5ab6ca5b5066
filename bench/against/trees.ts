/** The sources of both releases, as they are when the benchmark starts, each in a temporary folder of its own. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { Shutdown } from "../../core/shutdown.ts";
import { projectPath, projectRoot } from "../../core/paths.ts";
import { say } from "../request/fleet.ts";
import { onBoth, sides, type Side, type Sides } from "./sides.ts";

export interface Tree {
  readonly side: Side;
  /** Where its copy lies. */
  readonly folder: string;
}

/** What programs run and read. The packages are linked. */
const folders = ["bench", "control-plane", "core", "migrations", "scripts", "tenant-runtime", "test-kit", "workers"];
const files = ["package.json", "tsconfig.json", "tsconfig.build.json"];

/**
 * Copies both, so that neither a change of a file nor a compiled one disturbs the other or the checkout. They are removed
 * with `shutdown`.
 */
export async function copyTrees(checkout: string, shutdown: Shutdown): Promise<Sides<Tree>> {
  const folder = await mkdtemp(join(tmpdir(), "secretaria-against-"));
  shutdown.add("copies", () => rm(folder, { recursive: true, force: true }));
  const trees = onBoth({ old: "old", new: "new" } as const, (side) => ({ side, folder: join(folder, side) }));
  const sources = { old: checkout, new: projectRoot };
  for (const side of sides) await copyTree(sources[side], trees[side].folder);
  say(`old: ${checkout}, new: ${projectRoot}`);
  return trees;
}

async function copyTree(from: string, to: string): Promise<void> {
  await mkdir(to);
  for (const name of [...folders, ...files].filter((one) => existsSync(join(from, one))))
    await cp(join(from, name), join(to, name), { recursive: true });
  await symlink(join(from, "node_modules"), join(to, "node_modules"));
}

/**
 * Sees to it that a program of the benchmark's is in the tree: its own where that reads all these names of the
 * environment, else ours with what it imports of the benchmark.
 */
export async function provideProgram(
  tree: Tree,
  { path, names, imports = [] }: { path: string; names: readonly string[]; imports?: readonly string[] },
): Promise<void> {
  const own = await readFile(join(tree.folder, path), "utf8").catch(() => "");
  if (names.every((name) => own.includes(name))) return;
  say(`${tree.side}: its ${path} is missing or another; this tree's is used on its sources`);
  for (const file of [path, ...imports]) {
    await mkdir(dirname(join(tree.folder, file)), { recursive: true });
    await cp(projectPath(file), join(tree.folder, file));
  }
}

/**
 * Compiles a program and what it imports as a package is compiled: tsx would add a call to every closure. Types are left
 * to `npm run check`. Returns the program's file.
 */
export async function compileProgram(tree: Tree, path: string): Promise<string> {
  const settings = {
    extends: "./tsconfig.json",
    compilerOptions: {
      noCheck: true,
      noEmit: false,
      declaration: false,
      allowImportingTsExtensions: false,
      rootDir: ".",
      outDir: "dist",
      types: ["node"],
    },
    include: [path, "core/**/*.d.ts"],
  };
  const file = join(tree.folder, "tsconfig.against.json");
  await writeFile(file, JSON.stringify(settings));
  const compiler = join(tree.folder, "node_modules", "typescript", "bin", "tsc");
  await promisify(execFile)(process.execPath, [compiler, "--project", file]);
  return join(tree.folder, "dist", path.replace(/\.ts$/, ".js"));
}
