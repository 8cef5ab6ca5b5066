/** An importing engineer's own tables in every tenant's schema. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { useTenantMigrations } from "../core/migrations/folders.ts";
import { readMigrations } from "../core/migrations/sql-files.ts";
import { optionsFromEnv } from "../tenant-runtime/library/index.ts";
import { createTestTenancy, type TestTenancy } from "../test-kit/index.ts";
import { masterKey, shared } from "./support/servers.ts";

describe("migrations of one's own", () => {
  let kit: TestTenancy;
  const folder = mkdtempSync(join(tmpdir(), "secretaria-own-"));

  before(async () => {
    const sql =
      "-- why: points\n-- up\ncreate table loyalty_points (customer_id uuid primary key, points int not null);";
    writeFileSync(join(folder, "5000_loyalty_points.sql"), `${sql}\n-- down\ndrop table loyalty_points;\n`);
    const { databaseUrl, redisUrl } = shared;
    kit = await createTestTenancy({ databaseUrl, redisUrl, masterKey, migrationsDir: folder });
  });
  after(async () => {
    await kit?.close();
    useTenantMigrations(undefined);
    rmSync(folder, { recursive: true });
  });

  it("make tables that a tenant uses through its handle, behind its own walls", async () => {
    const [one, two] = [await kit.createTenant(), await kit.createTenant()];
    await one.db("loyalty_points").insert({ customer_id: "00000000-0000-4000-8000-000000000001", points: 3 });
    expect(await one.db("loyalty_points").pluck("points")).to.deep.equal([3]);
    expect(await two.db("loyalty_points").pluck("points")).to.deep.equal([]);
    expect(kit.options.migrationsDir).to.equal(folder);
  });

  it("are part of the registry's version, and of what the process says that it knows", async () => {
    const newest = readMigrations("tenant").findLast(({ name }) => name < "5000")?.name ?? "";
    for (const table of ["tenant_versions", "service_processes"]) {
      const versions = await kit.registry(table).distinct().pluck<string[]>("version");
      expect(
        versions.map((version) => version.split(" ")[0]),
        table,
      ).to.deep.equal([`${newest}+5000_loyalty_points.sql`]);
    }
  });

  it("come from the environment too", () => {
    expect(optionsFromEnv({ TENANT_MIGRATIONS: "./ours" }).migrationsDir).to.equal("./ours");
  });
});
