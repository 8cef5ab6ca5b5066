import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { expect } from "chai";
import { useMigrationFolders, useTenantMigrations } from "../core/migrations/folders.ts";
import { lintMigrations } from "../core/migrations/lint/lint-migrations.ts";
import { projectPath } from "../core/paths.ts";
import { makeMigration } from "../scripts/make-migration.ts";

describe("a new migration", () => {
  const folder = mkdtempSync(join(tmpdir(), "secretaria-make-"));

  before(() => useTenantMigrations(folder));
  after(() => {
    useTenantMigrations(undefined);
    rmSync(folder, { recursive: true });
  });

  const make = (name: string, request: Partial<Parameters<typeof makeMigration>[1]> = {}): string =>
    makeMigration(name, { kind: "tenant", ...request });

  it("gets the next number of its folder, and says what is to be filled in", async () => {
    const first = make("add_points", { isExpand: true });
    expect(basename(first)).to.equal("5000_add_points.sql");
    expect(readFileSync(first, "utf8")).to.match(/^-- why: \n-- expand\n-- up\n(-- .*\n)+\n-- down\n/);
    const script = make("fill_points", { isScript: true });
    expect(basename(script)).to.equal("5001_fill_points.ts");
    const contract = make("drop_points", { contract: "5000" });
    expect(readFileSync(contract, "utf8")).to.include("\n-- contract: 5000_add_points.sql\n-- up\n");
    const found = await lintMigrations({ kind: "tenant" });
    expect(found.map(({ file, code }) => `${basename(file)} ${code}`)).to.deep.equal([
      "5000_add_points.sql not-well-formed",
      "5001_fill_points.ts missing-why",
      "5002_drop_points.sql not-well-formed",
    ]);
  });

  it("gets the number after the last one in the product's own folder", () => {
    const product = mkdtempSync(join(tmpdir(), "secretaria-product-"));
    try {
      cpSync(projectPath("migrations", "tenant"), product, { recursive: true });
      const last = readdirSync(product).toSorted().at(-1)?.slice(0, 4);
      useMigrationFolders("tenant", [product]);
      expect(Number(basename(make("add_points")).slice(0, 4))).to.equal(Number(last) + 1);
    } finally {
      useMigrationFolders("tenant", undefined);
      useTenantMigrations(folder);
      rmSync(product, { recursive: true });
    }
  });

  it("is refused by a name that is none, and after what is no expand", () => {
    expect(() => make("Add Points")).to.throw("lower-case words");
    expect(() => make("drop_more", { contract: "0001" })).to.throw("'-- expand'; there are: 5000_add_points.sql");
    expect(() => make("both", { contract: "5000", isExpand: true })).to.throw("not both");
  });
});
