/** Mails of a control plane that is a process of its own: what its log keeps of them, and what its death leaves. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { programPath } from "../core/paths.ts";
import { startProgram, type Program } from "../scripts/embedded/program.ts";
import { createApiClient } from "./support/api-client.ts";
import { startMailServer, type MailServer } from "./support/mail-server.ts";
import { adminEmail, adminPassword } from "./support/platform.ts";
import { createTestDatabase, masterKey, runQuery, shared } from "./support/servers.ts";
import { createTenant } from "./support/tenant.ts";
import { until } from "./support/wait.ts";

describe("mails of a process", () => {
  let databaseUrl: string;
  let folder: string;
  let post: MailServer;
  let program: Program | undefined;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "secretaria-mail-"));
    databaseUrl = await createTestDatabase();
    post = await startMailServer({ credentials: "correio:a-certa" });
  });
  afterEach(() => program?.stop());
  after(async () => {
    await post.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const start = async (env: Record<string, string>) => {
    const lines: string[] = [];
    program = await startProgram({
      name: "control-plane",
      entry: programPath("control-plane", "main"),
      env: {
        PATH: process.env["PATH"],
        DATABASE_URL: databaseUrl,
        REDIS_URL: shared.redisUrl,
        MASTER_KEY: masterKey,
        DATA_DIR: folder,
        CONTROL_PLANE_PORT: "0",
        ADMIN_EMAIL: adminEmail,
        ADMIN_PASSWORD: adminPassword,
        SWEEP_SECONDS: "0.2",
        LOG_LEVEL: "debug",
        ...env,
      },
      onLog: (line) => lines.push(line),
    });
    return { running: program, lines };
  };
  const provision = async (running: Program, email: string) => {
    const url = `http://127.0.0.1:${Number(running.ready["port"])}`;
    const api = await createApiClient(url, { email: adminEmail, password: adminPassword });
    const tenant = await createTenant(api, { owner: { name: "Ana", email } });
    expect(tenant.answer.status).to.equal(201);
    return tenant;
  };
  const rowOf = (id: number, good: (row: Record<string, any>) => boolean) =>
    until(
      async () =>
        (await runQuery<Record<string, any>>(databaseUrl, "SELECT * FROM outbox WHERE company_id = $1", [id]))[0]!,
      good,
      { what: "the row" },
    );
  /** One company by a control plane that is stopped when the outbox row is as it should be. */
  const provisionWith = async (env: Record<string, string>, good: (row: Record<string, any>) => boolean) => {
    const { running, lines } = await start(env);
    const tenant = await provision(running, "ana.souza@acme.com");
    const row = await rowOf(tenant.id, good);
    await running.stop();
    return { tenant, row, lines };
  };

  it("without an SMTP server are one log event each, with neither link nor address", async () => {
    const { tenant, row, lines } = await provisionWith({}, (found) => found["done_at"] !== null);
    expect(row["payload"]).to.deep.equal({ outcome: { result: "logged" } });
    const events = lines
      .map((line) => JSON.parse(line))
      .filter(({ event, companyId }) => event === "provisioning.email" && companyId === tenant.id);
    expect(events).to.have.length(1);
    expect(events[0]).to.deep.include({ slug: tenant.slug, template: "provisioning", locale: "pt-BR" });
    const token = new URL(tenant.setupUrl).hash.slice(1);
    expect(token).to.have.length(43);
    for (const secret of [token, "setup#", "ana.souza"]) expect(lines.join("\n")).not.to.include(secret);
  });

  it("leave no credentials in log or row, though the server refuses and repeats them", async () => {
    const { row, lines } = await provisionWith(
      { SMTP_URL: `smtp://correio:a%2Ferrada%21@127.0.0.1:${post.port}` },
      (found) => found["last_error"] !== null,
    );
    expect(row["last_error"]).to.deep.include({ code: "smtp-login-refused", retry: "needs-user" });
    expect(row["failed_at"]).to.equal(null);
    const told = `${lines.join("\n")}\n${JSON.stringify(row)}`;
    expect(told).to.include("smtp-login-refused");
    const login = Buffer.from("\0correio\0a/errada!").toString("base64");
    for (const secret of ["a/errada!", "a%2Ferrada%21", login, "correio:"]) expect(told).not.to.include(secret);
    expect(post.mails).to.deep.equal([]);
  });

  it("go out after all when it is killed in the middle of sending one", async () => {
    const env = { SMTP_URL: `smtp://correio:a-certa@127.0.0.1:${post.port}` };
    const address = "rita@queda.com.br";
    await post.refuse({ [address]: { code: 0, text: "" } });
    const { running } = await start(env);
    const tenant = await provision(running, address);
    await rowOf(tenant.id, (row) => row["attempts"] === 1);
    await running.kill("SIGKILL");
    const left = await rowOf(tenant.id, () => true);
    expect(left).to.deep.include({ attempts: 1, done_at: null, failed_at: null, last_error: null });
    expect(left["next_attempt_at"].getTime(), "the claim").to.be.greaterThan(Date.now());

    await post.refuse({});
    // As if the claim's time had passed.
    await runQuery(databaseUrl, "UPDATE outbox SET next_attempt_at = now() WHERE company_id = $1", [tenant.id]);
    await start(env);
    await post.arrived(address);
    expect((await rowOf(tenant.id, (row) => row["done_at"] !== null))["attempts"]).to.equal(2);
    expect(post.to(address)).to.have.length(1);
  });
});
