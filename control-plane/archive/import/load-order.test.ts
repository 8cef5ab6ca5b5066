import { expect } from "chai";
import { loadOrder } from "./load-order.ts";

describe("the order in which tables are filled", () => {
  const references = (...pairs: string[]) =>
    pairs.map((pair) => {
      const [from, to] = pair.split(">") as [string, string];
      return { name: `${from}_${to}`, from, to };
    });

  it("puts what is pointed at first", () => {
    const order = loadOrder(
      ["items", "orders", "people", "zebras"],
      references("items>orders", "orders>people", "items>zebras"),
    );
    expect(order).to.deep.equal({ tables: ["people", "orders", "zebras", "items"], deferred: [] });
  });

  it("takes a ring apart at one key, and still puts what leans on it behind it", () => {
    const order = loadOrder(["a", "b", "c", "leaf"], references("a>b", "b>c", "c>a", "leaf>c"));
    expect(order.tables).to.deep.equal(["a", "c", "b", "leaf"]);
    expect(order.deferred.map(({ name }) => name)).to.deep.equal(["a_b"]);
  });
});
