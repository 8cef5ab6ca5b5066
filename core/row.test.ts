import { expect } from "chai";
import { createRow, type InRow } from "./row.ts";

interface Item extends InRow<Item> {
  readonly name: string;
}

describe("a row", () => {
  const item = (name: string): Item => ({ name, before: undefined, after: undefined, isInRow: false });
  const [a, b, c, d] = ["a", "b", "c", "d"].map(item) as [Item, Item, Item, Item];

  it("keeps the order in which things came, whichever leave", () => {
    const row = createRow<Item>();
    for (const one of [a, b, c, d]) row.append(one);
    const left = () => {
      const names: string[] = [];
      for (let one = row.first; one !== undefined; one = one.after) names.push(one.name);
      return names;
    };
    for (const [gone, rest] of [
      [b, ["a", "c", "d"]],
      [d, ["a", "c"]],
      [a, ["c"]],
      [a, ["c"]],
    ] as const) {
      row.remove(gone);
      expect(left()).to.deep.equal(rest);
      expect([gone.before, gone.after, gone.isInRow], "keeps no neighbour").to.deep.equal([
        undefined,
        undefined,
        false,
      ]);
    }
    row.append(a);
    expect(left()).to.deep.equal(["c", "a"]);
    row.clear();
    expect(left()).to.deep.equal([]);
    row.append(c);
    expect(left()).to.deep.equal(["c"]);
  });
});
