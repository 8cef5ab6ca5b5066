/**
 * One timer for many that are each given the same time: a timer for each would be made and dropped with every request.
 * Who began first is due first, and whoever ends in time is only taken off a list.
 */
export interface Deadline {
  /** Set by `add`; of `performance.now()`. */
  dueAt: number;
}

export interface Deadlines<T extends Deadline> {
  add(item: T): void;
  /** It ended in time. Safe to repeat. */
  remove(item: T): void;
}

/** @param onDue is told of each item once, when its time is over; the list has forgotten it by then. Keeps no process alive. */
export function createDeadlines<T extends Deadline>(ms: number, onDue: (item: T) => void): Deadlines<T> {
  /** In the order in which they are due. */
  const items = new Set<T>();
  let timer: NodeJS.Timeout | undefined;
  const wait = (forMs: number) => (timer = setTimeout(look, forMs).unref());
  const look = () => {
    const now = performance.now();
    timer = undefined;
    for (const item of items) {
      if (item.dueAt > now) {
        // Rounded up: a timer that is early by a part of a millisecond would look twice.
        wait(Math.ceil(item.dueAt - now));
        return;
      }
      items.delete(item);
      onDue(item);
    }
  };
  return {
    add(item) {
      item.dueAt = performance.now() + ms;
      items.add(item);
      if (timer === undefined) wait(ms);
    },
    remove: (item) => void items.delete(item),
  };
}
