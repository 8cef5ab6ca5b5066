/**
 * One timer for many that are each given the same time: a timer for each would be made and dropped with every request.
 * Who began first is due first, and whoever ends in time is only taken off a list.
 */
import { createRow, type InRow } from "../../core/row.ts";

export interface Deadline<T> extends InRow<T> {
  /** Set by `add`; of `performance.now()`. */
  dueAt: number;
}

export interface Deadlines<T extends Deadline<T>> {
  add(item: T): void;
  /** It ended in time. Safe to repeat. */
  remove(item: T): void;
}

/** @param onDue is told of each item once, when its time is over; the list has forgotten it by then. Keeps no process alive. */
export function createDeadlines<T extends Deadline<T>>(ms: number, onDue: (item: T) => void): Deadlines<T> {
  /** In the order in which they are due. */
  const items = createRow<T>();
  let timer: NodeJS.Timeout | undefined;
  const wait = (forMs: number) => (timer = setTimeout(look, forMs).unref());
  const look = () => {
    const now = performance.now();
    timer = undefined;
    for (let item = items.first; item !== undefined; item = items.first) {
      if (item.dueAt > now) {
        // Rounded up: a timer that is early by a part of a millisecond would look twice.
        wait(Math.ceil(item.dueAt - now));
        return;
      }
      items.remove(item);
      onDue(item);
    }
  };
  return {
    add(item) {
      item.dueAt = performance.now() + ms;
      items.append(item);
      if (timer === undefined) wait(ms);
    },
    remove: (item) => items.remove(item),
  };
}
