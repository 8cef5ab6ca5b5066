import { expect } from "chai";
import { setTimeout as sleep } from "node:timers/promises";
import { createDeadlines, type Deadline } from "./deadlines.ts";

interface Named extends Deadline<Named> {
  readonly name: string;
}

describe("deadlines", () => {
  it("tell of each that did not end in time, once, in the order in which they began", async () => {
    const late: string[] = [];
    const told = { enough: () => {} };
    const deadlines = createDeadlines<Named>(40, ({ name }) => {
      late.push(name);
      if (name === "last") told.enough();
    });
    const begin = (name: string) => {
      const item: Named = { name, dueAt: 0, before: undefined, after: undefined, isInRow: false };
      deadlines.add(item);
      return item;
    };
    const inTime = begin("in time");
    begin("first");
    begin("second");
    deadlines.remove(inTime);
    await sleep(20);
    begin("third");
    await new Promise<void>((resolve) => {
      // Nothing waits any more when this one begins.
      told.enough = resolve;
      const waitForAll = setInterval(() => {
        if (late.length < 3) return;
        clearInterval(waitForAll);
        begin("last");
      }, 5);
    });
    expect(late).to.deep.equal(["first", "second", "third", "last"]);
  });
});
