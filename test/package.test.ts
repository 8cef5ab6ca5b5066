/** What `npm pack` makes is the library: installed, it type-checks with its own types and serves with plain node. */
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import { projectPath } from "../core/paths.ts";
import { masterKey, shared } from "./support/servers.ts";

interface Ran {
  readonly code: number;
  readonly output: string;
}

/** Where an importer works; `node` sees nothing of this project but the package. */
let folder: string;

describe("the package", function packed() {
  this.timeout(120_000);

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "secretaria-package-"));
    await install(folder);
    for (const name of ["orders-app.ts", "orders-app.test.ts"])
      await cp(projectPath("docs", "examples", name), join(folder, name));
    await writeFile(join(folder, "package.json"), JSON.stringify({ name: "importer", type: "module", private: true }));
    await writeFile(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it("carries types that hold without those of this project", async () => {
    await writeFile(join(folder, "right.ts"), rightUse);
    expect(await run(projectPath("node_modules", ".bin", "tsc"), ["--project", "."])).to.deep.equal({
      code: 0,
      output: "",
    });
    await writeFile(join(folder, "wrong.ts"), wrongUse);
    const { code, output } = await run(projectPath("node_modules", ".bin", "tsc"), ["--project", ".", "--noEmit"]);
    expect(code).not.to.equal(0);
    expect(output.match(/wrong\.ts\(\d+/g)).to.deep.equal(["wrong.ts(2", "wrong.ts(3", "wrong.ts(4"]);
    await rm(join(folder, "wrong.ts"));
  });

  it("serves the example app and its test with plain node", async () => {
    const { code, output } = await run(process.execPath, ["--test", "--test-reporter=tap", "orders-app.test.js"], {
      TEST_DATABASE_URL: shared.databaseUrl,
      TEST_REDIS_URL: shared.redisUrl,
      TEST_MASTER_KEY: masterKey,
    });
    expect(output, output).to.match(/# pass 1\n# fail 0/);
    expect(code).to.equal(0);
  });

  it("shows nothing but its entries", async () => {
    const inside = await run(process.execPath, ["--eval", `import("secretaria/dist/core/db.js")`]);
    expect(inside.output).to.include("ERR_PACKAGE_PATH_NOT_EXPORTED");
    const list = "Object.keys(await import('secretaria/tenant-runtime')).join()";
    const names = await run(process.execPath, ["--input-type=module", "--eval", `console.log(${list})`]);
    expect(names.output).to.equal("AppError,expressMessages,openTenancy,optionsFromEnv\n");
  });
});

const compilerOptions = {
  target: "ES2023",
  module: "NodeNext",
  types: ["node"],
  strict: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: false,
};

const rightUse = `import { openTenancy, type Tenancy } from "secretaria/tenant-runtime";
import type { TestTenancy } from "secretaria/tenant-runtime/testing";
import type { Request } from "express";
export const idOf = (req: Request): [number, string, string] => [req.tenant.id, req.user.email, req.correlationId];
export const open = (masterKey: Uint8Array): Promise<Tenancy> =>
  openTenancy({ databaseUrl: "postgres://db/app", redisUrl: "redis://cache", masterKey, poolUrl: undefined });
export const rows = (kit: TestTenancy) =>
  kit.createTenant({ plan: "premium" }).then((tenant) => tenant.db<{ name: string }>("customers").first("name"));
`;

const wrongUse = `import { AppError, openTenancy } from "secretaria/tenant-runtime";
await openTenancy({ databaseUrl: "postgres://db/app" });
throw new AppError("no-such-code", "Look it up.");
(await openTenancy({ databaseUrl: "", redisUrl: "", masterKey: "" })).resolve.nothing;
`;

/** As `npm install <tarball>` leaves it: the package, its dependencies, and the importer's own express and types. */
async function install(into: string): Promise<void> {
  const packed = promisify(execFile)("npm", ["pack", "--pack-destination", into], { cwd: projectPath() });
  const { stdout } = await packed;
  const modules = join(into, "node_modules");
  await mkdir(join(modules, "secretaria"), { recursive: true });
  const tarball = stdout.trim().split("\n").at(-1) ?? "";
  await promisify(execFile)("tar", [
    "-xzf",
    join(into, tarball),
    "--strip-components=1",
    "-C",
    join(modules, "secretaria"),
  ]);
  const { dependencies } = JSON.parse(await readFile(join(modules, "secretaria", "package.json"), "utf8")) as {
    dependencies: Record<string, string>;
  };
  for (const name of [...Object.keys(dependencies), "@types/express", "@types/node"]) {
    await mkdir(dirname(join(modules, name)), { recursive: true });
    await symlink(projectPath("node_modules", name), join(modules, name));
  }
}

/** Runs in the importer's folder. */
function run(program: string, args: string[], env: Record<string, string> = {}): Promise<Ran> {
  const options = { cwd: folder, env: { PATH: process.env["PATH"], ...env } };
  return new Promise((resolve) => {
    execFile(program, args, options, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), output: stdout + stderr });
    });
  });
}
