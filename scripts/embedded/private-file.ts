/** Files that only their owner may read. */
import { randomBytes } from "node:crypto";
import { readFile, rename, rm, writeFile } from "node:fs/promises";

/** Replaces the file in one step: a reader sees the old text or the new one, and never a wider mode than 0600. */
export async function writePrivateFile(path: string, text: string): Promise<void> {
  const draft = `${path}.${process.pid}-${randomBytes(4).toString("hex")}`;
  try {
    await writeFile(draft, text, { mode: 0o600, flag: "wx" });
    await rename(draft, path);
  } finally {
    await rm(draft, { force: true });
  }
}

/** The text, or undefined when there is no such file. */
export async function readIfThere(path: string): Promise<string | undefined> {
  return readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
}

/** The secret kept in the file, made on first use; `fresh` tells that it was made now. Hexadecimal: safe in URLs, SQL and config files. */
export async function ensureSecret(path: string): Promise<{ secret: string; fresh: boolean }> {
  const kept = (await readIfThere(path))?.trim();
  if (kept) return { secret: kept, fresh: false };
  const secret = randomBytes(24).toString("hex");
  await writePrivateFile(path, `${secret}\n`);
  return { secret, fresh: true };
}
