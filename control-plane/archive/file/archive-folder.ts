/** Where archives lie and what they are called. They hold personal data: only their owner may read them. */
import { randomBytes } from "node:crypto";
import { mkdir, open, readdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { Config } from "../../../core/config.ts";

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

const draftPattern = /^[a-z][a-z0-9-]*-\d+-\d{8}T\d{9}Z(-final)?\.zip\.[0-9a-f]{12}\.draft$/;

/** Whether a name is one that `draftOf` gave to a file of `archiveName`. */
export const isDraftName = (name: string): boolean => draftPattern.test(name);

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

/** Names in the folder of this company's final exports, and of their drafts, whoever wrote them. */
export async function listFinalNames(
  folder: string,
  { slug, id }: Named,
): Promise<{ files: string[]; drafts: string[] }> {
  const prefix = `${slug}-${id}-`;
  // `acme-1-2` may be company 2 of slug acme-1: what follows must be the time and nothing else.
  const names = (await readdir(folder)).filter(
    (name) => name.startsWith(prefix) && /^\d{8}T\d{9}Z-final\.zip/.test(name.slice(prefix.length)),
  );
  return { files: names.filter((name) => name.endsWith(".zip")), drafts: names.filter(isDraftName) };
}
