/** The last export of a company: there and verified before anything goes, kept for its time, and gone after it. */
import { existsSync } from "node:fs";
import { copyFile, readdir, rm, stat, utimes, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { expect } from "chai";
import { archiveName } from "../control-plane/archive/file/archive-folder.ts";
import { exportTenant } from "../control-plane/archive/export/export-tenant.ts";
import { removeExpiredArchives } from "../control-plane/archive/export/remove-expired.ts";
import { verifyArchive } from "../control-plane/archive/file/verify-archive.ts";
import { aimAt } from "../control-plane/lifecycle/aim.ts";
import { takeLease } from "../control-plane/lifecycle/lease.ts";
import type { LeasedTenant } from "../control-plane/lifecycle/resource.ts";
import { archive } from "../control-plane/lifecycle/resources/archive.ts";
import { readLeasedTenant } from "../control-plane/lifecycle/tenant-store.ts";
import { ResourceError } from "../core/errors.ts";
import { usePlatform } from "./support/platform.ts";
import { openCompany, type Company } from "./support/runtime-client.ts";
import { tenantAt } from "./support/tenant-waits.ts";
import { until } from "./support/wait.ts";

describe("the last export of a company", () => {
  const platform = usePlatform({ workers: true });
  const folder = () => join(platform.config.DATA_DIR, "archives");

  const remove = async (id: number) => {
    await platform.ctx.db.transaction((db) => aimAt(db, id, { desired: "deleted" }));
    await tenantAt(platform.api, id).becomes("deleted");
  };
  interface Row extends Record<string, unknown> {
    readonly path: string;
    readonly sha256: string;
    readonly bytes: string;
  }
  const rowsOf = (id: number) =>
    platform.query<Row>("SELECT * FROM tenant_archives WHERE company_id = $1 ORDER BY id", [id]);
  const schemas = (id: number) => platform.query("SELECT 1 FROM pg_namespace WHERE nspname = $1", [`tenant_${id}`]);

  /** Held by the test for ten minutes: no loop touches it. */
  const hold = async (company: Pick<Company, "id">): Promise<LeasedTenant> => {
    const patient = { ...platform.ctx, config: { ...platform.config, LEASE_SECONDS: 600 } };
    const fence = await until(
      () => takeLease(patient, company.id),
      (token) => token !== undefined,
      { what: "the lease" },
    );
    return readLeasedTenant(platform.ctx.db, company.id, fence as number);
  };

  it("is taken before anything is removed, and holds what the company had", async () => {
    const company = await openCompany(platform);
    await platform.query(`INSERT INTO tenant_${company.id}.customers (name) VALUES ('Fica')`);
    await remove(company.id);
    expect(await schemas(company.id)).to.deep.equal([]);
    const [row, ...more] = await rowsOf(company.id);
    expect(more).to.deep.equal([]);
    expect(row).to.deep.include({ purpose: "final", removed_at: null });
    const [kept] = await platform.query("SELECT expires_at - created_at = '90 days' AS ok FROM tenant_archives");
    expect(kept).to.deep.equal({ ok: true });
    const { manifest } = await verifyArchive(row?.path as string, { sha256: row?.sha256 });
    expect(manifest).to.deep.include({ purpose: "final" });
    expect(manifest.tables.find(({ name }) => name === "customers")).to.deep.include({ rows: 1 });
    const acts = await platform.query(
      "SELECT actor FROM audit_log WHERE company_id = $1 AND action = 'tenant.exported'",
      [company.id],
    );
    expect(acts).to.deep.equal([{ actor: "system" }]);
  });

  it("is not taken of a company that never was active, nor of one whose schema is gone", async () => {
    const company = await openCompany(platform);
    const tenant = await hold(company);
    await archive.ensure(platform.ctx, { ...tenant, wasActive: false });
    await archive.ensure(platform.ctx, { ...tenant, id: tenant.id + 500_000 });
    expect(await rowsOf(company.id)).to.deep.equal([]);
    expect(await archive.inspect(platform.ctx, tenant)).to.deep.equal({ state: "absent" });
  });

  it("is taken again only when its file is gone or changed; a crash's leftovers go", async () => {
    const company = await openCompany(platform);
    const tenant = await hold(company);
    await archive.ensure(platform.ctx, tenant);
    expect(await archive.inspect(platform.ctx, tenant)).to.deep.equal({ state: "present" });
    await archive.ensure(platform.ctx, tenant);
    const [first, ...none] = (await rowsOf(company.id)) as [Row];
    expect(none).to.deep.equal([]);

    // What a crash left: a draft, and a file that was not written down. And what is another company's or platform's.
    const [unrecorded, others] = [0, 1].map((at) => archiveName(company, "final", new Date(at))) as [string, string];
    const draft = `${archiveName(company, "final", new Date(2))}.0123456789ab.draft`;
    const strangers = [
      others,
      archiveName({ ...company, id: company.id * 10 }, "final", new Date(0)),
      `${company.slug}.zip`,
    ];
    await copyFile(first.path, join(folder(), unrecorded));
    for (const name of [draft, ...strangers]) await writeFile(join(folder(), name), "half");
    await writeFile(first.path, Buffer.alloc(Number(first.bytes)));
    await archive.ensure(platform.ctx, tenant);
    const [, second] = (await rowsOf(company.id)) as [Row, Row];
    await verifyArchive(second.path, { sha256: second.sha256 });
    const names = await readdir(folder());
    expect(names)
      .to.include.members([...strangers, basename(second.path)])
      .and.not.include.members([draft]);
    expect(names).to.not.include(unrecorded);

    await Promise.all([first, second].map(({ path }) => rm(path)));
    expect(await archive.inspect(platform.ctx, tenant)).to.deep.equal({ state: "absent" });
    await archive.ensure(platform.ctx, tenant);
    expect(await rowsOf(company.id)).to.have.length(3);
    await archive.destroy(platform.ctx, tenant);
    expect(await archive.inspect(platform.ctx, tenant)).to.deep.equal({ state: "present" });
  });

  it("that cannot be written is retried and names the folder; nothing is removed", async () => {
    const company = await openCompany(platform);
    const tenant = await hold(company);
    const file = join(platform.config.DATA_DIR, "no-folder");
    await writeFile(file, "");
    const ctx = { ...platform.ctx, config: { ...platform.config, ARCHIVE_DIR: file } };
    const error = await archive.ensure(ctx, tenant).catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(ResourceError);
    expect(error).to.deep.include({ retry: "transient", code: "archive-not-written" });
    expect((error as Error).message)
      .to.include(file)
      .and.include("a part of the path is");
    expect(await rowsOf(company.id)).to.deep.equal([]);
    expect(await schemas(company.id)).to.have.length(1);
  });

  it("of a schema under another mark is a conflict: its data may be another's", async () => {
    const company = await openCompany(platform);
    const tenant = await hold(company);
    await platform.query(`COMMENT ON SCHEMA tenant_${company.id} IS NULL`);
    const error = await archive.ensure(platform.ctx, tenant).catch((reason: unknown) => reason);
    expect(error).to.deep.include({ retry: "conflict", code: "database-foreign" });
  });

  it("is not written down by a process that lost the company", async () => {
    const company = await openCompany(platform);
    const tenant = await hold(company);
    await platform.query("UPDATE tenant_leases SET token = token + 1 WHERE company_id = $1", [company.id]);
    const before = await readdir(folder());
    const error = await archive.ensure(platform.ctx, tenant).catch((reason: unknown) => reason);
    expect((error as Error).name).to.equal("LeaseLost");
    expect(await rowsOf(company.id)).to.deep.equal([]);
    expect(await readdir(folder())).to.deep.equal(before);
  });

  it("goes when its time is over, and the log says so; other files are left alone", async () => {
    const company = await openCompany(platform);
    const take = (purpose: "export" | "final", retentionDays?: number) =>
      exportTenant(platform.ctx, { companyId: company.id, purpose, actor: "system", retentionDays });
    const [over, kept, forever] = [await take("final", 0), await take("final", 1), await take("export")];
    const elsewhere = await take("final", 0);
    const away = join(platform.config.DATA_DIR, "not-mounted", "x.zip");
    await platform.query("UPDATE tenant_archives SET path = $1 WHERE id = $2", [away, elsewhere.id]);
    // A draft of two days ago, and what is none: a draft that is being written, files that are finished.
    const draftAt = (time: number) =>
      join(folder(), `${archiveName(company, "export", new Date(time))}.0123456789ab.draft`);
    const [stale, fresh, finished] = [
      draftAt(0),
      draftAt(1),
      join(folder(), archiveName(company, "export", new Date(2))),
    ];
    for (const path of [stale, fresh, finished]) await writeFile(path, "");
    const twoDaysAgo = Date.now() / 1000 - 2 * 86_400;
    for (const path of [stale, finished, kept.path, forever.path]) await utimes(path, twoDaysAgo, twoDaysAgo);

    expect(await removeExpiredArchives(platform.ctx)).to.equal(2);
    expect(await removeExpiredArchives(platform.ctx)).to.equal(0);
    expect([over.path, stale].filter((path) => existsSync(path))).to.deep.equal([]);
    for (const path of [kept.path, forever.path, fresh, finished])
      expect((await stat(path)).isFile(), path).to.equal(true);
    const gone = (await rowsOf(company.id)).filter((row) => row["removed_at"] !== null);
    expect(gone.map(({ path }) => path)).to.deep.equal([over.path]);
    const acts = await platform.query("SELECT data FROM audit_log WHERE action = 'tenant.archive-removed'");
    expect(acts).to.deep.equal([{ data: { archiveId: over.id, sha256: over.sha256 } }]);
  });
});
