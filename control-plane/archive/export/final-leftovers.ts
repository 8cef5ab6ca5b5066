/** What a crash left of earlier final exports of one company. */
import { rm } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Tenant } from "../../../core/tenant.ts";
import { listFinalNames } from "../file/archive-folder.ts";
import { readManifestEntry } from "../file/verify-archive.ts";
import { openZip } from "../file/zip-reader.ts";

/** Before another one is written, for their room. A process that lost the company and still writes one fails at its rename. */
export async function removeDrafts(folder: string, tenant: Tenant): Promise<void> {
  for (const name of (await listFinalNames(folder, tenant)).drafts) await rm(join(folder, name), { force: true });
}

/**
 * Finished files that are in no row: nobody would ever remove them. Only after another one was recorded, and only this
 * very company's: a folder may be shared with another platform that has a company of the same slug and id.
 */
export async function removeUnrecorded(folder: string, tenant: Tenant, recorded: readonly string[]): Promise<void> {
  const known = new Set(recorded.map((path) => basename(path)));
  for (const name of (await listFinalNames(folder, tenant)).files) {
    const path = join(folder, name);
    if (!known.has(name) && (await isOf(path, tenant))) await rm(path, { force: true });
  }
}

/** What cannot be read is nobody's. */
async function isOf(path: string, { uuid }: Tenant): Promise<boolean> {
  try {
    const zip = await openZip(path);
    try {
      return (await readManifestEntry(zip)).company.uuid === uuid;
    } finally {
      zip.close();
    }
  } catch {
    return false;
  }
}
