/** Where archives lie and what they are called. They hold personal data: only their owner may read them. */
import { randomBytes } from "node:crypto";
import { mkdir, open, readdir, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import type { Config } from "../../core/config.ts";

export type ArchivePurpose = "export" | "final";

interface Named {
  readonly id: number;
  readonly slug: string;
}

export const archiveFolder = (config: Config): string =>
  resolve(config.ARCHIVE_DIR ?? join(config.DATA_DIR, "archives"));

/** `acme-42-20260131T080000123Z.zip`, and `…Z-final.zip` for the last one of a removed company. */
export function archiveName({ slug, id }: Named, purpose: ArchivePurpose, at: Date): string {
  const time = at.toISOString().replace(/[-:.]/g, "");
  return `${slug}-${id}-${time}${purpose === "final" ? "-final" : ""}.zip`;
}

/** Beside the file that it becomes, so that becoming it is one rename. */
export const draftOf = (path: string): string => `${path}.${randomBytes(6).toString("hex")}.draft`;

const namePattern = /^[a-z][a-z0-9-]*-\d+-\d{8}T\d{9}Z(-final)?\.zip(\.[0-9a-f]{12}\.draft)?$/;

/** Whether a name is one of those above. */
export const isArchiveName = (name: string): boolean => namePattern.test(name);

export const makeArchiveFolder = async (folder: string): Promise<void> =>
  void (await mkdir(folder, { recursive: true, mode: 0o700 }));

/** A rename is on the disk when its folder is. */
export async function syncFolderOf(path: string): Promise<void> {
  const folder = await open(dirname(path), "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/**
 * Removes what a crash left of earlier final exports of this company: drafts, and files without a row. A process that
 * lost the company and still writes its draft fails at its rename.
 */
export async function removeLeftovers(folder: string, company: Named, recorded: readonly string[]): Promise<void> {
  const known = new Set(recorded.map((path) => basename(path)));
  const prefix = `${company.slug}-${company.id}-`;
  for (const name of await readdir(folder)) {
    const isOurs = name.startsWith(prefix) && /^\d{8}T\d{9}Z-final\.zip/.test(name.slice(prefix.length));
    if (isOurs && isArchiveName(name) && !known.has(name)) await rm(join(folder, name), { force: true });
  }
}
