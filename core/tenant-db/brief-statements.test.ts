import { expect } from "chai";
import { createBriefStatements, type BriefStatements } from "./brief-statements.ts";

describe("brief statements", () => {
  const select = "select * from orders where id = $1";
  const answered = (sql: string, times: number, ms = 1) => {
    const brief = createBriefStatements();
    for (let i = 0; i < times; i += 1) brief.took(sql, 1, ms);
    return brief;
  };

  const isBrief = (statements: BriefStatements, sql: string, tenant: number) =>
    statements.timeOf(sql, tenant) < Infinity;

  it("are those that were quick many times in a row", () => {
    expect(isBrief(answered(select, 15), select, 1)).to.equal(false);
    expect(isBrief(answered(select, 16), select, 1)).to.equal(true);
    expect(isBrief(answered(select, 16), "select 1", 1), "another text").to.equal(false);
  });

  it("are brief for no tenant after a slow answer, until they were quick again", () => {
    // For the tenant of the slow answer that takes longer.
    const brief = answered(select, 100);
    brief.took(select, 2, 400);
    expect(isBrief(brief, select, 1)).to.equal(false);
    for (let i = 0; i < 16; i += 1) brief.took(select, 1, 1);
    expect(isBrief(brief, select, 1)).to.equal(true);
    expect(isBrief(brief, select, 2)).to.equal(false);
  });

  it("take by themselves what is left when those before them are taken off, about", () => {
    expect(answered(select, 100, 12).timeOf(select, 1)).to.be.closeTo(12, 0.1);
    const brief = answered(select, 100, 1);
    for (let i = 0; i < 100; i += 1) brief.took(select, 1, 12, 3);
    expect(brief.timeOf(select, 1)).to.be.closeTo(3, 0.1);
  });

  for (const sql of [
    "update orders set total = $1",
    "insert into orders (total) values ($1) returning id",
    "with gone as (delete from orders returning id) select id from gone",
    "select * from orders where id = $1 for update",
    "select * from orders for no key update skip locked",
    "select * from orders for key share",
    "select pg_sleep($1)",
    "select pg_advisory_xact_lock($1)",
  ])
    it(`are not: ${sql}`, () => expect(isBrief(answered(sql, 100), sql, 1)).to.equal(false));
});
