import { expect } from "chai";
import { Redis } from "ioredis";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import pg from "pg";
import { programPath } from "../core/paths.ts";
import { readConnection, removeConnection, writeConnection } from "../scripts/embedded/connection-file.ts";
import { choosePort } from "../scripts/embedded/ports.ts";
import { isAlive, listWorkingIn } from "../scripts/embedded/processes.ts";
import { startProgram } from "../scripts/embedded/program.ts";
import { startServers } from "../scripts/embedded/stack.ts";
import type { Servers } from "../scripts/embedded/stack.ts";
import { ensureSystemPackage } from "../scripts/embedded/system-packages.ts";
import { loaderArguments } from "./support/cli.ts";
import { unlessEnded } from "./support/wait.ts";

const stackModule = pathToFileURL(programPath("scripts", "embedded", "stack")).href;

describe("embedded servers", function () {
  this.timeout(30_000);
  let dataDir: string;
  let servers: Servers | undefined;

  const start = async () => (servers = await startServers({ dataDir, config: {}, durable: false }));
  const leftOver = async () => [
    ...(await listWorkingIn(join(dataDir, "postgres"), "postgres")),
    ...(await listWorkingIn(join(dataDir, "redis"), "redis")),
  ];

  before(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "secretaria-embedded-"));
  });

  afterEach(async () => {
    await servers?.stop();
    servers = undefined;
    expect(await leftOver(), "processes left").to.deep.equal([]);
  });

  after(() => rm(dataDir, { recursive: true, force: true }));

  it("throw a half-made cluster away and keep data over a restart", async () => {
    await mkdir(join(dataDir, "postgres.new", "base"), { recursive: true });
    await mkdir(join(dataDir, "postgres"));
    const first = await start();
    await query(first.databaseUrl, "create table kept as select 42 as answer");
    await withRedis(first.redisUrl, (redis) => redis.set("kept", "42"));
    await first.stop();

    const second = await start();
    expect(await query(second.databaseUrl, "select answer from kept")).to.deep.equal([{ answer: 42 }]);
    expect(await withRedis(second.redisUrl, (redis) => redis.get("kept"))).to.equal("42");
  });

  it("come back on the same ports after a crash of their own", async () => {
    const { postgres, redis, databaseUrl, redisUrl } = await start();
    for (const server of [postgres, redis]) {
      await server?.kill();
      expect(server?.pid).to.equal(undefined);
    }
    expect(await leftOver()).to.deep.equal([]);
    for (const server of [postgres, redis]) await server?.start();
    expect(await query(databaseUrl, "select answer from kept")).to.deep.equal([{ answer: 42 }]);
    expect(await withRedis(redisUrl, (client) => client.get("kept"))).to.equal("42");
  });

  it("refuse connections without the password", async () => {
    const { databaseUrl, redisUrl } = await start();
    const refused = await query(swapPassword(databaseUrl, "wrong"), "select 1").catch(
      (error: pg.DatabaseError) => error.code,
    );
    expect(refused).to.equal("28P01");
    const reply = await withRedis(swapPassword(redisUrl, "wrong"), (redis) => redis.ping()).catch(String);
    expect(reply).to.match(/WRONGPASS|NOAUTH/);
    const rules = (await readFile(join(dataDir, "postgres", "pg_hba.conf"), "utf8"))
      .split("\n")
      .filter((line) => /^\w/.test(line));
    expect(rules).to.have.length(6);
    for (const rule of rules) expect(rule).to.match(/scram-sha-256$/);
    for (const name of ["postgres.password", "redis.password", "redis/redis.conf"]) {
      expect((await stat(join(dataDir, name))).mode & 0o777, name).to.equal(0o600);
    }
  });

  it("set a new password when the file that held it is lost", async () => {
    await rm(join(dataDir, "postgres.password"));
    const { databaseUrl } = await start();
    expect(await query(databaseUrl, "select answer from kept")).to.deep.equal([{ answer: 42 }]);
  });

  it("refuse a DATA_DIR in live use, and only while it is", async () => {
    await start();
    const refused = await startServers({ dataDir, config: {} }).catch(String);
    expect(refused).to.include(`pid ${process.pid}`).and.include(dataDir);
    await servers?.stop();
    await writeFile(
      join(dataDir, "supervisor.pid"),
      JSON.stringify({ pid: process.pid, identity: "an earlier process" }),
    );
    await start();
  });

  it("recover from a supervisor that was killed", async () => {
    const script = `
      const { startServers } = await import(${JSON.stringify(stackModule)});
      const { postgres, redis } = await startServers({ dataDir: ${JSON.stringify(dataDir)}, config: {}, durable: false });
      process.stdout.write(JSON.stringify([postgres.pid, redis.pid]));
      setInterval(() => undefined, 1000);`;
    const supervisor = spawn(process.execPath, [...loaderArguments(), "--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const printed = once(supervisor.stdout, "data") as Promise<[Buffer]>;
    const [output] = await unlessEnded(printed, once(supervisor, "exit"), "the start of the supervisor's servers");
    const orphans = JSON.parse(output.toString()) as number[];
    supervisor.kill("SIGKILL");
    await once(supervisor, "exit");
    expect(await Promise.all(orphans.map(isAlive))).to.deep.equal([true, true]);

    const { databaseUrl } = await start();
    expect(await Promise.all(orphans.map(isAlive))).to.deep.equal([false, false]);
    expect(await query(databaseUrl, "select answer from kept")).to.deep.equal([{ answer: 42 }]);
  });

  it("are not started when the configuration names others", async () => {
    const config = { DATABASE_URL: "postgres://db.example/x", REDIS_URL: "redis://cache.example" };
    servers = await startServers({ dataDir, config });
    expect(servers).to.include({ databaseUrl: config.DATABASE_URL, redisUrl: config.REDIS_URL });
    expect(servers).to.not.have.any.keys("postgres", "redis");
  });
});

describe("programs of the supervisor", () => {
  let folder: string;
  before(async () => (folder = await mkdtemp(join(tmpdir(), "secretaria-program-"))));
  after(() => rm(folder, { recursive: true, force: true }));

  const program = async (name: string, text: string, readyWithinMs?: number) => {
    const entry = join(folder, `${name}.mts`);
    await writeFile(entry, text);
    const lines: string[] = [];
    const onLog = (line: string) => lines.push(line);
    return {
      lines,
      started: startProgram({
        name,
        entry,
        env: { PATH: process.env["PATH"] },
        onLog,
        readyWithinMs,
      }),
    };
  };

  it("are ready when they say so, and stop when asked", async () => {
    const text = `console.log("hello" as string); process.on("SIGTERM", () => process.exit(0)); process.send!({ type: "ready", port: 1 });
      setInterval(() => {}, 1000);`;
    const { started, lines } = await program("good", text);
    const running = await started;
    expect(running.ready).to.deep.equal({ type: "ready", port: 1 });
    await running.stop();
    expect(await isAlive(running.pid)).to.equal(false);
    expect(lines).to.include("hello");
    await running.stop();
  });

  it("report their last words when they fail, and leave nothing when they are late", async () => {
    const broken = await program("broken", `throw new Error("no luck")`);
    expect(await broken.started.catch(String)).to.match(/broken ended before it was ready[^]*no luck/);
    const late = await program("late", `console.log(process.pid); setInterval(() => {}, 1000)`, 1500);
    expect(await late.started.catch(String)).to.include("not ready within 1.5 s");
    expect(await isAlive(Number(late.lines[0]))).to.equal(false);
  });
});

describe("small parts of the embedded stack", () => {
  it("a port in use or taken is passed over", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    expect(await choosePort(port)).to.not.equal(port);
    server.close();
    await once(server, "close");
    expect(await choosePort(port)).to.equal(port);
    expect(await choosePort(port, new Set([port]))).to.not.equal(port);
  });

  it("the connection file is private and replaced whole", async () => {
    const folder = await mkdtemp(join(tmpdir(), "secretaria-connection-"));
    await chmod(folder, 0o755);
    const connection = {
      databaseUrl: "a",
      redisUrl: "b",
      controlPlaneUrl: "c",
      runtimeHttpUrl: "d",
      runtimeHttpsUrl: "e",
    };
    expect(await readConnection(folder)).to.equal(undefined);
    await writeConnection(folder, { ...connection, databaseUrl: "old" });
    await writeConnection(folder, connection);
    expect(await readConnection(folder)).to.deep.equal(connection);
    expect((await stat(join(folder, "connection.json"))).mode & 0o777).to.equal(0o600);
    expect(await readdir(folder)).to.deep.equal(["connection.json"]);
    await removeConnection(folder);
    await removeConnection(folder);
    expect(await readConnection(folder)).to.equal(undefined);
    await rm(folder, { recursive: true });
  });

  it("a program that is there is found", async () => {
    expect(await ensureSystemPackage({ command: "sh", debian: "dash", brew: "dash" })).to.match(/\/sh$/);
  });
});

async function query(connectionString: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString });
  try {
    await client.connect();
    return (await client.query(sql)).rows as unknown[];
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function withRedis<T>(url: string, ask: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url, { retryStrategy: () => null, maxRetriesPerRequest: 1 });
  redis.on("error", () => undefined);
  try {
    return await ask(redis);
  } finally {
    redis.disconnect();
  }
}

function swapPassword(url: string, password: string): string {
  const changed = new URL(url);
  changed.password = password;
  return changed.href;
}
