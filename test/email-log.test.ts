/** What the log and the rows keep of mails: a control plane as a process of its own, everything it says read. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { projectPath } from "../core/paths.ts";
import { startProgram, type Program } from "../scripts/embedded/program.ts";
import { createApiClient, newCompany } from "./support/api-client.ts";
import { startMailServer, type MailServer } from "./support/mail-server.ts";
import { adminEmail, adminPassword } from "./support/platform.ts";
import { createTestDatabase, masterKey, runQuery, shared } from "./support/servers.ts";
import { until } from "./support/wait.ts";

describe("the log of mails", () => {
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

  /** Provisions one company by a control plane of its own, and answers when its outbox row is as it should be. */
  const provisionWith = async (env: Record<string, string>, good: (row: Record<string, any>) => boolean) => {
    const lines: string[] = [];
    program = await startProgram({
      name: "control-plane",
      entry: projectPath("control-plane", "main.ts"),
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
    const api = await createApiClient(`http://127.0.0.1:${Number(program.ready["port"])}`, {
      email: adminEmail,
      password: adminPassword,
    });
    const owner = { name: "Ana", email: "ana.souza@acme.com" };
    const { status, body } = await api.post("/api/tenants/provision", newCompany({ owner }));
    expect(status).to.equal(201);
    const row = await until(
      async () =>
        (
          await runQuery<Record<string, any>>(databaseUrl, "SELECT * FROM outbox WHERE company_id = $1", [
            body.tenant.id,
          ])
        )[0]!,
      good,
      { what: "the row" },
    );
    await program.stop();
    return { body, row, lines };
  };

  it("without an SMTP server holds one event for each mail, and neither link nor address", async () => {
    const { body, row, lines } = await provisionWith({}, (found) => found["done_at"] !== null);
    expect(row["payload"]).to.deep.equal({ outcome: { result: "logged" } });
    const events = lines
      .map((line) => JSON.parse(line))
      .filter(({ event, companyId }) => event === "provisioning.email" && companyId === body.tenant.id);
    expect(events).to.have.length(1);
    expect(events[0]).to.deep.include({ slug: body.tenant.slug, template: "provisioning", locale: "pt-BR" });
    const token = new URL(body.setupUrl).hash.slice(1);
    expect(token).to.have.length(43);
    for (const secret of [token, "setup#", "ana.souza"]) expect(lines.join("\n")).not.to.include(secret);
  });

  it("and the row keep no credentials when the server refuses them, even one that repeats them", async () => {
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
});
