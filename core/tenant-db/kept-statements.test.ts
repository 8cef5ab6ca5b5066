import { expect } from "chai";
import { createKeptStatements } from "./kept-statements.ts";

/** Bytes. */
const room = 22_000_000;

describe("statements that a session keeps", () => {
  it("are those that came back, one for each tenant and text", () => {
    const statements = createKeptStatements(room);
    const nameOf = (tenant: number, text: string) => statements.use(tenant, text).name;
    expect([nameOf(1, "select 1"), nameOf(1, "select 1")]).to.deep.equal([undefined, undefined]);
    const name = nameOf(1, "select 1");
    expect(name).to.be.a("string");
    expect(nameOf(1, "select 1")).to.equal(name);
    expect([nameOf(2, "select 1"), nameOf(1, "select 2")]).to.deep.equal([undefined, undefined]);
    expect([nameOf(2, "select 1"), nameOf(2, "select 1")].at(-1))
      .to.be.a("string")
      .that.does.not.equal(name);
  });

  it("are kept at once where they are known to come back, while there is room for all", () => {
    const statements = createKeptStatements(100_000);
    const text = (n: number) => `select ${n}`;
    const names = [1, 2, 3, 4, 5, 6].map((n) => statements.use(1, text(n), true).name);
    expect(names.slice(0, 5)).to.have.all.members(names.slice(0, 5).filter((name) => name !== undefined));
    expect(names[5], "it would drive another one out").to.equal(undefined);
    expect(statements.use(2, text(1), false).name, "not known to").to.equal(undefined);
  });

  it("make room for others: what was not used for longest is closed, once", () => {
    const statements = createKeptStatements(room);
    const text = (n: number) => `select ${"x".repeat(1_000)} ${n}`;
    const keep = (n: number) => [1, 2, 3].map(() => statements.use(1, text(n)).name).at(-1);
    const names = Array.from({ length: 50 }, (_, n) => keep(n));
    expect(statements.takeClosed(), "there is room").to.deep.equal([]);
    statements.use(1, text(0));
    for (let n = 50; n < 100; n += 1) keep(n);
    const closed = statements.takeClosed();
    expect(closed).to.include(names[1]).and.not.include(names[0]);
    expect(statements.takeClosed()).to.deep.equal([]);
    expect(keep(1), "never the same name again").not.to.equal(names[1]);
  });

  it("are no longer known when the server refused them, or has lost them all", () => {
    const statements = createKeptStatements(room);
    const keep = () => [1, 2, 3].map(() => statements.use(1, "select 1")).at(-1)!;
    const first = keep();
    statements.drop(first);
    expect(statements.takeClosed()).to.deep.equal([first.name]);
    const second = keep();
    expect(second.name).not.to.equal(first.name);
    statements.clear();
    expect(statements.takeClosed(), "there is nothing to close").to.deep.equal([]);
    expect(statements.use(1, "select 1").name).to.equal(undefined);
  });

  it("are none that are very long", () => {
    const statements = createKeptStatements(room);
    const text = `select ${"x".repeat(50_000)}`;
    expect([1, 2, 3, 4].map(() => statements.use(1, text).name).at(-1)).to.equal(undefined);
  });
});
