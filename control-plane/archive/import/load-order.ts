import type { Reference } from "../tables/tenant-tables.ts";

export interface LoadOrder {
  /** Referenced tables first. */
  readonly tables: readonly string[];
  /** Keys of a ring of tables: whatever the order, their rows come before those they point at. */
  readonly deferred: readonly Reference[];
}

/** Takes the tables by and by whose referenced ones are all taken; of a ring, the first by name goes ahead. */
export function loadOrder(names: readonly string[], references: readonly Reference[]): LoadOrder {
  const left = new Set(names.toSorted());
  const isFree = (name: string) => references.every(({ from, to }) => from !== name || !left.has(to));
  const tables: string[] = [];
  const deferred: Reference[] = [];
  for (;;) {
    const [first] = left;
    const next = [...left].find(isFree) ?? first;
    if (next === undefined) return { tables, deferred };
    deferred.push(...references.filter(({ from, to }) => from === next && left.has(to)));
    left.delete(next);
    tables.push(next);
  }
}
