import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { useTenantMigrations } from "../../../core/migrations/folders.ts";
import { readMigrations } from "../../../core/migrations/sql-files.ts";
import { newerMigrations } from "./load-archive.ts";

describe("what an archive lacks", () => {
  const folder = mkdtempSync(join(tmpdir(), "secretaria-archive-own-"));
  const own = ["5000_points.sql", "5001_levels.sql"] as const;
  const products = readMigrations("tenant").map(({ name }) => name);
  const last = products.at(-1) ?? "";
  before(() => {
    for (const name of own) writeFileSync(join(folder, name), "-- why: a test\n-- up\nSELECT 1;\n-- down\nSELECT 1;\n");
    useTenantMigrations(folder);
  });
  after(() => {
    useTenantMigrations(undefined);
    rmSync(folder, { recursive: true });
  });

  const newer = async (migrations: string[]) => (await newerMigrations({ migrations })).map(({ name }) => name);

  it("is told of each folder, whichever file ran first", async () => {
    expect(await newer(products)).to.deep.equal(own);
    expect(await newer([...products.slice(0, -1), own[0]])).to.deep.equal([last, own[1]]);
    expect(await newer([...products.slice(0, -1), ...own, last])).to.deep.equal([]);
  });

  it("is not told where a file is missing in the middle, or is not known here", async () => {
    const codeOf = (migrations: string[]) => newer(migrations).catch((error: Error) => error.message);
    expect(await codeOf([...products.slice(1), own[0]])).to.include(`without ${products[0]}`);
    expect(await codeOf([...products, own[1]])).to.include(`without ${own[0]}`);
    expect(await codeOf([...products, "5009_later.sql"])).to.include("does not have: 5009_later.sql");
  });
});
