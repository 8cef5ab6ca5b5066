import { expect } from "chai";
import { nameOf, versionOf } from "../../core/migrations/version.ts";
import { filesToRun, isToChange, targetOf } from "./run-target.ts";

const all = ["0001_a.sql", "0002_b.sql", "0003_c.sql", "5001_x.sql", "5002_y.sql"].map((name) => ({
  name,
  checksum: name,
}));
const products = all.slice(0, 3);
const these = (...numbers: string[]) => all.filter(({ name }) => numbers.includes(name.slice(0, 4)));
const names = (to: string | undefined, direction: "up" | "down" = "up", files = all) =>
  nameOf(targetOf(files, direction, to) ?? "none");

describe("the target of a run", () => {
  it("is the newest file, or the one named by name or number, each of its own folder", () => {
    expect([names(undefined), names(undefined, "down")]).to.deep.equal(["0003_c.sql+5002_y.sql", "none"]);
    expect(["0002", "0002_b", "0002_b.sql"].map((to) => names(to))).to.deep.equal(Array(3).fill("0002_b.sql"));
    expect(names("5001")).to.equal("0003_c.sql+5001_x.sql");
    expect(names("0002_b.sql+5001_x.sql")).to.equal("0002_b.sql+5001_x.sql");
    expect([names("0002+0000"), names("0000+5001")]).to.deep.equal(["0002_b.sql+0000", "0000+5001_x.sql"]);
    expect([names("0000", "down"), names("0000", "down", products)]).to.deep.equal(["0000+0000", "0000"]);
    for (const to of ["0000", "0009", "5001+0002", "0002+0003", "0002+5001+5002", ""])
      expect(() => names(to), to).to.throw("there is no migration");
  });

  const run = (direction: "up" | "down", to: string, has: typeof all) => {
    const target = targetOf(all, direction, to) ?? "";
    const files = filesToRun(all, { direction, target }, has)?.map(({ name }) => name.slice(0, 4));
    // Who is found and what is done there say the same.
    expect(isToChange({ direction, target }, versionOf(has))).to.equal((files ?? []).length > 0);
    return files;
  };

  it("upwards asks for its files, and for no more of what it does not name", () => {
    const has = these("0001", "5001");
    expect(run("up", "0002", has)).to.deep.equal(["0002"]);
    expect(run("up", "5001", has)).to.deep.equal(["0002", "0003"]);
    expect(run("up", "0002+5002", has)).to.deep.equal(["0002", "5002"]);
    expect(run("up", "0001", has)).to.deep.equal([]);
    expect(run("up", "0003", these("0001"))).to.deep.equal(["0002", "0003"]);
  });

  it("downwards leaves an importer's files as they are, unless it names them", () => {
    expect(run("down", "0002", all)).to.deep.equal(["0003"]);
    expect(run("down", "5001", all)).to.deep.equal(["5002"]);
    expect(run("down", "0002+5001", all)).to.deep.equal(["0003", "5002"]);
    expect(run("down", "0003+0000", all)).to.deep.equal(["5001", "5002"]);
    expect(run("down", "0000", all)).to.deep.equal(all.map(({ name }) => name.slice(0, 4)));
    expect(run("down", "0003", all)).to.deep.equal([]);
  });

  it("looks into files of one name and another text; a foreign version has no files", () => {
    const target = versionOf(all);
    expect(isToChange({ direction: "up", target }, `${nameOf(target)} 0123456789abcdef`)).to.equal(true);
    expect(filesToRun(all, { direction: "up", target: `${nameOf(target)} 0123456789abcdef` }, [])).to.equal(undefined);
  });
});
