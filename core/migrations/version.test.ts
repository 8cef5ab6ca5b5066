import { expect } from "chai";
import { filesOfVersion, isBehind, isNewerVersion, nameOf, unknownVersion, versionOf } from "./version.ts";

const file = (name: string) => ({ name, checksum: name.toUpperCase() });
const [a, b, x, y] = ["0001_a.sql", "0002_b.sql", "5001_x.sql", "5002_y.ts"].map(file) as [File, File, File, File];
type File = ReturnType<typeof file>;
const all = [a, b, x, y];

describe("a version", () => {
  it("names the last file of the product, and that of an importer where there is one", () => {
    const names = [[], [a], [a, b], [a, b, x], [a, x, y], [x]].map((files) => nameOf(versionOf(files)));
    expect(names).to.deep.equal([
      "0000",
      "0001_a.sql",
      "0002_b.sql",
      "0002_b.sql+5001_x.sql",
      "0001_a.sql+5002_y.ts",
      "0000+5001_x.sql",
    ]);
    expect(versionOf([a, b])).to.match(/^0002_b\.sql [0-9a-f]{16}$/);
    expect(versionOf([a, b])).not.to.equal(versionOf([b]));
  });

  it("is behind another where it lacks a file of either folder, each of two as well", () => {
    const order = (one: readonly File[], other: readonly File[]) => [
      isBehind(versionOf(one), versionOf(other)),
      isNewerVersion(versionOf(one), versionOf(other)),
    ];
    expect(order([a, b, x], [a, b, x])).to.deep.equal([false, false]);
    expect(order([a, x], [a, b, x])).to.deep.equal([true, false]);
    expect(order([a, b, x], [a, b])).to.deep.equal([false, true]);
    expect(order([a, x, y], [a, b, x])).to.deep.equal([true, true]);
    expect(order([], [a])).to.deep.equal([true, false]);
    expect([isBehind(unknownVersion, "0001_a.sql"), isBehind("0001_a.sql", unknownVersion)]).to.deep.equal([
      true,
      false,
    ]);
  });

  it("lacks a file, or not", () => {
    const lacks = (files: readonly File[]) => all.filter(({ name }) => isBehind(versionOf(files), name));
    expect(lacks([])).to.deep.equal(all);
    expect(lacks([a, x])).to.deep.equal([b, y]);
    expect(lacks(all)).to.deep.equal([]);
  });

  it("says which files it has, unless they are others by now", () => {
    for (const files of [[], [a], [a, b], [a, x, y], [x], all])
      expect(filesOfVersion(all, versionOf(files))).to.deep.equal(files);
    expect(filesOfVersion([a, { ...b, checksum: "edited" }], versionOf([a, b]))).to.equal(undefined);
    expect(filesOfVersion([a, x], versionOf([a, b, x]))).to.equal(undefined);
    expect(filesOfVersion(all, unknownVersion)).to.equal(undefined);
  });

  it("of an older release has its hash's files, and lacks the product's until renamed", () => {
    const older = (files: readonly File[]) => versionOf(files).replace(/^.*\+/, "");
    expect(nameOf(older([a, b, x]))).to.equal("5001_x.sql");
    expect(filesOfVersion(all, older([a, b, x]))).to.deep.equal([a, b, x]);
    expect(filesOfVersion(all, older([a, x]))).to.deep.equal([a, x]);
    expect(filesOfVersion(all, older([x]))).to.deep.equal([x]);
    expect(isBehind(older([a, b, x]), "0001_a.sql")).to.equal(true);
    expect(isBehind(older([a, b, x]), "5001_x.sql")).to.equal(false);
    expect(isNewerVersion(older([a, b, x]), versionOf([a, b, x]))).to.equal(false);
  });
});
