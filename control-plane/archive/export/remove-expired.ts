/** Archives whose time is over, and drafts that a crash left behind. */
import { existsSync } from "node:fs";
import { readdir, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ControlContext } from "../../context.ts";
import { archiveFolder, isDraftName } from "../file/archive-folder.ts";
import { listExpiredArchives, recordRemoval } from "./archive-store.ts";

/** A draft that nobody wrote to for so long is a crash's. */
const leftoverMs = 24 * 3_600_000;

/** Removes expired files and writes down that they are gone. What cannot be removed is tried in the next round. Answers how many. */
export async function removeExpiredArchives(ctx: ControlContext): Promise<number> {
  let removed = 0;
  for (const archive of await listExpiredArchives(ctx.db)) {
    const folder = dirname(archive.path);
    try {
      // Not mounted here: the file is still somewhere.
      if (!existsSync(folder)) throw new Error(`the folder ${folder} is not there`);
      await rm(archive.path, { force: true });
      if (await ctx.db.transaction((db) => recordRemoval(db, archive, "system"))) removed += 1;
    } catch (error) {
      ctx.log.warn({ err: error, companyId: archive.company_id, archiveId: archive.id }, "an archive was not removed");
    }
  }
  return removed + (await removeOldDrafts(ctx));
}

/** Finished files without a row are left: after a restore of an older database they may be all that is left of a company. */
async function removeOldDrafts(ctx: ControlContext): Promise<number> {
  const folder = archiveFolder(ctx.config);
  if (!existsSync(folder)) return 0;
  let removed = 0;
  for (const name of (await readdir(folder)).filter(isDraftName)) {
    const path = join(folder, name);
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }));
    if (Date.now() - mtimeMs < leftoverMs) continue;
    await rm(path, { force: true });
    removed += 1;
  }
  return removed;
}
