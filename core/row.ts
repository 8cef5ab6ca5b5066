/**
 * Things in the order in which they came, each of which may leave at any time. A Set would do, but its table is made anew
 * every few dozen changes, and V8 links an old table to its successor: once one of them has outlived two collections,
 * each next one does, and with it all that ever stood in it, until the whole heap is collected.
 */
export interface InRow<T> {
  /** Neighbours; nobody's but the row's. */
  before: T | undefined;
  after: T | undefined;
  isInRow: boolean;
}

export interface Row<T extends InRow<T>> {
  readonly first: T | undefined;
  /** At the end; it must be in no row. */
  append(item: T): void;
  /** Safe to repeat. It keeps no neighbour. */
  remove(item: T): void;
  clear(): void;
}

export function createRow<T extends InRow<T>>(): Row<T> {
  let first: T | undefined;
  let last: T | undefined;
  const remove = (item: T): void => {
    if (!item.isInRow) return;
    const { before, after } = item;
    if (before === undefined) first = after;
    else before.after = after;
    if (after === undefined) last = before;
    else after.before = before;
    item.before = undefined;
    item.after = undefined;
    item.isInRow = false;
  };
  return {
    get first() {
      return first;
    },
    append(item) {
      item.before = last;
      item.isInRow = true;
      if (last === undefined) first = item;
      else last.after = item;
      last = item;
    },
    remove,
    clear() {
      for (let item = first; item !== undefined; item = first) remove(item);
    },
  };
}
