/** One supervisor per DATA_DIR: two would stop each other's servers. */
import { randomUUID } from "node:crypto";
import { link, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { identityOf, isAlive } from "./processes.ts";

/** `hold` keeps one hold of a process from giving back a later one. */
type Holder = { pid: number; identity: string | undefined; hold: string };

/**
 * Takes DATA_DIR/supervisor.pid and answers the function that gives it back. A file left by a supervisor that is gone does not
 * count, even when its pid belongs to another process by now.
 * @throws Error naming the pid, while the holder lives; that holder may be this very process.
 */
export async function holdDataDir(dataDir: string): Promise<() => Promise<void>> {
  await mkdir(dataDir, { recursive: true, mode: 0o711 });
  const file = join(dataDir, "supervisor.pid");
  const draft = `${file}.${randomUUID()}`;
  const mine = JSON.stringify({
    pid: process.pid,
    identity: await identityOf(process.pid),
    hold: randomUUID(),
  } satisfies Holder);
  try {
    await writeFile(draft, mine, { mode: 0o600, flag: "wx" });
    await claim(draft, file, dataDir);
  } finally {
    await rm(draft, { force: true });
  }
  return async () => {
    if ((await readText(file)) === mine) await rm(file, { force: true });
  };
}

/** A hard link appears whole or not at all, and only one of two rivals can make it. */
async function claim(draft: string, file: string, dataDir: string): Promise<void> {
  for (;;) {
    try {
      return await link(draft, file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const text = await readText(file);
    const holder = parse(text);
    if (holder && (await isLiving(holder))) {
      throw new Error(
        `${dataDir} is in use by another supervisor (pid ${holder.pid}). Stop that one first, or choose another DATA_DIR.`,
      );
    }
    if (await takeOver(draft, file, text)) return;
  }
}

/**
 * Replaces a dead supervisor's file, one rival at a time: to remove it and then claim the empty place would let a slow rival remove
 * the new holder's file. False: somebody else was at it, look again.
 */
async function takeOver(draft: string, file: string, seen: string | undefined): Promise<boolean> {
  const guard = `${file}.takeover`;
  const guarded = await link(draft, guard).then(
    () => true,
    () => false,
  );
  if (!guarded) {
    const rival = parse(await readText(guard));
    if (rival && !(await isLiving(rival))) await rm(guard, { force: true });
    await sleep(20);
    return false;
  }
  try {
    if ((await readText(file)) !== seen) return false;
    await rename(draft, file);
    return true;
  } finally {
    await rm(guard, { force: true });
  }
}

async function isLiving(holder: Holder): Promise<boolean> {
  if (!(await isAlive(holder.pid))) return false;
  return holder.identity === undefined || holder.identity === (await identityOf(holder.pid));
}

function parse(text: string | undefined): Holder | undefined {
  try {
    const holder = JSON.parse(text ?? "") as Holder;
    return Number.isInteger(holder.pid) && holder.pid > 0 ? holder : undefined;
  } catch {
    return undefined;
  }
}

async function readText(file: string): Promise<string | undefined> {
  return readFile(file, "utf8").catch(() => undefined);
}
