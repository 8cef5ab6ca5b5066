/** PostgreSQL's eight table locks, weakest first; the names are what LOCK TABLE … IN … MODE takes. */
export const lockModes = [
  "ACCESS SHARE",
  "ROW SHARE",
  "ROW EXCLUSIVE",
  "SHARE UPDATE EXCLUSIVE",
  "SHARE",
  "SHARE ROW EXCLUSIVE",
  "EXCLUSIVE",
  "ACCESS EXCLUSIVE",
] as const;

export type LockMode = (typeof lockModes)[number];

/** A table that was there before the file, and the strongest lock that the file takes on it. */
export interface TableLock {
  readonly table: string;
  readonly mode: LockMode;
}

export const isStronger = (mode: LockMode, than: LockMode): boolean =>
  lockModes.indexOf(mode) > lockModes.indexOf(than);

export const stronger = (a: LockMode, b: LockMode): LockMode => (isStronger(a, b) ? a : b);

/** What a request of the tenant has to wait for while the lock is held; undefined where nothing waits. */
export function blockedBy(mode: LockMode): string | undefined {
  if (mode === "ACCESS EXCLUSIVE") return "reads and writes";
  if (isStronger(mode, "SHARE UPDATE EXCLUSIVE")) return "writes";
  return undefined;
}
