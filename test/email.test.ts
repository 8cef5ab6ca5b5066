/** The owner's mail: through a real SMTP server, once, in the owner's language, and nothing of it in a log. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { createMailer } from "../control-plane/outbox/mailer.ts";
import { claimDue } from "../control-plane/outbox/outbox-store.ts";
import { newCompany } from "./support/api-client.ts";
import { headerOf, startMailServer, type MailServer, type ReceivedMail } from "./support/mail-server.ts";
import { usePlatform } from "./support/platform.ts";
import { useSecondPlane } from "./support/second-plane.ts";
import { runtimeClient } from "./support/runtime-client.ts";
import { createTenant, respondAsync } from "./support/tenant.ts";
import { until } from "./support/wait.ts";

const smtpPassword = "senha-do-correio";

interface Row extends Record<string, unknown> {
  readonly attempts: number;
  readonly payload: { outcome?: { result: string; reason?: string } };
  readonly last_error: { code: string; message: string; retry: string } | null;
  readonly done_at: Date | null;
  readonly failed_at: Date | null;
}

describe("mails", () => {
  let post: MailServer;
  const config = { SMTP_URL: "", MAIL_FROM: "Secretária <nao-responda@plataforma.com.br>" };
  before(async () => {
    post = await startMailServer({ credentials: `correio:${smtpPassword}` });
    config.SMTP_URL = `smtp://correio:${smtpPassword}@127.0.0.1:${post.port}`;
  });
  after(() => post.stop());

  const platform = usePlatform({ runtime: true, workers: true, config });
  const ask = runtimeClient(platform);
  const password = "uma frase que só a Ana sabe";
  const second = useSecondPlane(platform);

  const provision = async (address: string, overrides: Record<string, unknown> = {}) => {
    const owner = { name: "Ana Conceição", email: address };
    const tenant = await platform.createTenant({ owner, ...overrides });
    expect(tenant.answer.status, JSON.stringify(tenant.answer.body)).to.equal(201);
    return { tenant, setupUrl: tenant.setupUrl };
  };
  const rowsOf = (id: number) => platform.query<Row>("SELECT * FROM outbox WHERE company_id = $1 ORDER BY id", [id]);
  const lastRow = async (id: number, good: (row: Row) => boolean, what: string): Promise<Row> =>
    until(
      async () => (await rowsOf(id)).at(-1) as Row,
      (row) => row !== undefined && good(row),
      { what },
    );
  const isDone = (row: Row) => row.done_at !== null;
  const linkIn = (mail: ReceivedMail) => /https:\S+\/setup#\S+/.exec(mail.text)?.[0];
  const useLink = async (slug: string, link: string) => {
    const body = { token: new URL(link).hash.slice(1), password };
    return ask(`chat.${slug}.localhost`, "POST /v1/auth/setup", { body });
  };
  const resend = (id: number) => platform.api.post(`/api/tenants/${id}/resend-invitation`);

  it("tell the owner in Portuguese the hosts and a link that sets the password", async () => {
    const { tenant, setupUrl } = await provision("ana@padaria.com.br", { name: "Padaria São João" });
    const mail = await post.arrived("ana@padaria.com.br");
    expect(mail.from).to.equal("nao-responda@plataforma.com.br");
    expect(mail.to).to.deep.equal(["ana@padaria.com.br"]);
    expect(headerOf(mail, "To")).to.equal("Ana Conceição <ana@padaria.com.br>");
    expect(headerOf(mail, "Subject")).to.equal("Padaria São João está pronta: falta a sua senha");
    expect(headerOf(mail, "Message-ID")).to.match(
      new RegExp(`^<provisioning\\.email\\.\\d+\\.${tenant.uuid}@plataforma\\.com\\.br>$`),
    );
    expect(headerOf(mail, "Auto-Submitted")).to.equal("auto-generated");
    expect(linkIn(mail)).to.equal(setupUrl);
    for (const host of ["chat", "api"]) expect(mail.text).to.include(`https://${host}.${tenant.slug}.localhost`);
    expect(mail.html).to.include(`href="${setupUrl}"`).and.include('lang="pt-BR"').and.include("Olá, Ana Conceição!");
    expect(mail.html).not.to.match(/<img|<link|src=|@import|url\(/i);

    const row = await lastRow(tenant.id, isDone, "the row's end");
    expect(row).to.deep.include({ attempts: 1, last_error: null, failed_at: null });
    expect(row.payload).to.deep.equal({ outcome: { result: "sent" } });
    expect((await useLink(tenant.slug, linkIn(mail)!)).status).to.equal(200);
    expect(post.to("ana@padaria.com.br")).to.have.length(1);
  });

  it("are in English where the company asked for it; another language is refused", async () => {
    const { setupUrl } = await provision("ann@bakery.com", { name: "Bakery & Sons", locale: "en" });
    const mail = await post.arrived("ann@bakery.com");
    expect(headerOf(mail, "Subject")).to.equal("Bakery & Sons is ready: choose your password");
    expect(mail.text).to.include("Hello Ana").and.include(setupUrl);
    expect(mail.html).to.include('lang="en"').and.include("Bakery &amp; Sons");
    const refused = await platform.api.post("/api/tenants/provision", newCompany({ locale: "fr" }));
    expect([refused.status, refused.body.errors?.[0]?.pointer]).to.deep.equal([422, "/locale"]);
  });

  it("go out once with two control planes; a repetition keeps its Message-ID", async () => {
    const addresses = Array.from({ length: 12 }, (_, i) => `dona-${i}@lojas.com.br`);
    const made = await Promise.all(
      addresses.map((email, i) =>
        createTenant(i % 2 ? second : platform.api, { owner: { name: "Dona", email } }, respondAsync),
      ),
    );
    const ids = made.map(({ id }) => id);
    for (const id of ids) await lastRow(id, isDone, `mail of ${id}`);
    for (const address of addresses) await post.arrived(address);
    expect(addresses.map((address) => post.to(address).length)).to.deep.equal(Array(12).fill(1));

    // As a process leaves it that died between the server's 250 and its own note of it; twelve rows due at one moment.
    await platform.query("UPDATE outbox SET done_at = NULL, next_attempt_at = now() WHERE company_id = ANY($1)", [ids]);
    for (const id of ids) expect((await lastRow(id, isDone, `second mail of ${id}`)).attempts).to.equal(2);
    for (const address of addresses) {
      await post.arrived(address, 2);
      const messageIds = post.to(address).map((mail) => headerOf(mail, "Message-ID"));
      expect(messageIds, address).to.have.length(2);
      expect(messageIds[0]).to.equal(messageIds[1]);
    }
  });

  it("are claimed by one of two that look at the same moment", async () => {
    // Of a kind that no loop takes, so that only these claims are there.
    const kinds = ["test.claim"] as unknown as Parameters<typeof claimDue>[1]["kinds"];
    const { db } = platform.ctx;
    await platform.query("INSERT INTO outbox (kind) VALUES ('test.claim')");
    const first = await db.transaction();
    expect(await claimDue(first, { kinds, limit: 1 })).to.have.length(1);
    const other = claimDue(db, { kinds, limit: 1 });
    // One that does not pass over the row waits for it: the first must be able to end.
    await Promise.race([other, sleep(500)]);
    await first.commit();
    expect(await other).to.deep.equal([]);
    expect(await claimDue(db, { kinds, limit: 1 })).to.deep.equal([]);
  });

  it("carry names as text, never as markup or as another header", async () => {
    await provision("eva@ataque.com.br", { name: '<script>alert("1")</script>', locale: "en" });
    const mail = await post.arrived("eva@ataque.com.br");
    expect(mail.html).not.to.include("<script");
    expect(mail.html).to.include("&lt;script&gt;");
    expect(headerOf(mail, "Subject")).to.match(/^<script>alert\("1"\)<\/script> is ready/);

    for (const name of ["Ana\r\nBcc: eva@ataque.com.br", "Ana\nX: y", "Ana\0"]) {
      const owner = { name, email: "ana@acme.com" };
      expect((await platform.api.post("/api/tenants/provision", newCompany({ owner }))).status).to.equal(422);
    }
    // Past the validation, as an import or a hand in the database could bring it.
    const mailer = createMailer(platform.ctx);
    const company = { id: 1, slug: "acme", locale: "en" as const };
    const hostile = {
      kind: "provisioning.email" as const,
      company,
      messageId: "test.1",
      to: { name: 'Ana" <eva@ataque.com.br>,\r\nBcc: eva@ataque.com.br\r\n\r\nOi', address: "alvo@acme.com" },
      subject: "Oi\r\nBcc: eva@ataque.com.br\u2028X: y",
      text: "a",
      html: "b",
    };
    const never = new AbortController().signal;
    expect(await mailer.send(hostile, never)).to.equal("sent");
    const received = await post.arrived("alvo@acme.com");
    expect(received.to).to.deep.equal(["alvo@acme.com"]);
    expect(received.header.filter((line) => /^(bcc|x):/i.test(line))).to.deep.equal([]);
    expect(received.text.trim()).to.equal("a");
    expect(post.to("eva@ataque.com.br")).to.have.length(1);
    for (const address of [
      "a@acme.com, eva@ataque.com.br",
      "a@acme.com\r\nBcc: eva@ataque.com.br",
      "<a@acme.com>",
      "a",
    ]) {
      const failure = await mailer.send({ ...hostile, to: { name: "Ana", address } }, never).catch((error) => error);
      expect(failure, address).to.deep.include({ retry: "permanent", code: "address-invalid" });
    }
  });

  it("wait while the server is away, and go out when it is back", async () => {
    const { port } = post;
    await post.stop();
    const { tenant } = await provision("rui@espera.com.br");
    const waiting = await lastRow(tenant.id, (row) => row.last_error !== null, "the failed attempt");
    expect(waiting.last_error).to.deep.include({ code: "smtp-unreachable", retry: "transient" });
    expect([waiting.done_at, waiting.failed_at]).to.deep.equal([null, null]);
    post = await startMailServer({ port, credentials: `correio:${smtpPassword}` });
    const mail = await post.arrived("rui@espera.com.br");
    expect((await useLink(tenant.slug, linkIn(mail)!)).status).to.equal(200);
    expect((await lastRow(tenant.id, isDone, "the row's end")).last_error).to.equal(null);
  });

  it("are retried after a 4xx, and say so when the password has been set by then", async () => {
    await post.refuse({ "eli@demora.com.br": { code: 451, text: "greylisted" } });
    const { tenant, setupUrl } = await provision("eli@demora.com.br");
    const waiting = await lastRow(tenant.id, (row) => row.last_error !== null, "the refusal");
    expect(waiting.last_error).to.deep.include({ code: "smtp-451", retry: "transient" });
    expect((await useLink(tenant.slug, setupUrl)).status).to.equal(200);
    await post.refuse({});
    const mail = await post.arrived("eli@demora.com.br");
    expect(headerOf(mail, "Subject")).to.match(/^Empresa \d+ está pronta$/);
    expect(mail.text).to.include("A sua senha já foi escolhida");
    for (const part of [mail.text, mail.html]) expect(part).not.to.include("/setup");
  });

  it("refused for good show in row and metric, and go out when asked for again", async () => {
    const text = `no such user; you said correio ${smtpPassword} and https://chat.x.localhost/setup#${"t".repeat(43)}`;
    await post.refuse({ "ivo@errado.com.br": { code: 550, text } });
    const { tenant } = await provision("ivo@errado.com.br");
    const failed = await lastRow(tenant.id, (row) => row.failed_at !== null, "the failure");
    expect(failed.last_error).to.deep.include({ code: "smtp-550", retry: "permanent" });
    expect(failed.last_error?.message).to.include("no such user");
    expect(JSON.stringify(failed)).not.to.match(/senha-do-correio|correio |tttt|setup#/);
    const counts = await Promise.all([platform.api, second].map((api) => api.get("/metrics")));
    const total = counts
      .flatMap(
        ({ body }) => /mails_total\{kind="provisioning.email",result="failed"\} (\d+)/.exec(body as string)?.[1] ?? [],
      )
      .reduce((sum, count) => sum + Number(count), 0);
    expect(total).to.equal(1);

    await post.refuse({});
    expect((await resend(tenant.id)).status).to.equal(202);
    expect(linkIn(await post.arrived("ivo@errado.com.br"))).to.be.a("string");
    expect((await rowsOf(tenant.id)).map((row) => row.failed_at !== null)).to.deep.equal([true, false]);
  });

  it("are not sent to a company suspended meanwhile, and go out when it is back", async () => {
    await post.refuse({ "lia@parada.com.br": { code: 450, text: "later" } });
    const { tenant } = await provision("lia@parada.com.br");
    await lastRow(tenant.id, (row) => row.last_error !== null, "the refusal");
    expect((await platform.api.post(`/api/tenants/${tenant.id}/suspend`)).status).to.equal(202);
    await post.refuse({});
    const row = await lastRow(tenant.id, isDone, "the row's end");
    expect(row.payload.outcome).to.deep.equal({ result: "skipped", reason: "company-suspended" });
    expect(post.to("lia@parada.com.br")).to.deep.equal([]);
    expect((await resend(tenant.id)).body.code).to.equal("state-conflict");
    expect((await platform.api.post(`/api/tenants/${tenant.id}/resume`)).status).to.equal(202);
    await post.arrived("lia@parada.com.br");
    expect(await rowsOf(tenant.id)).to.have.length(2);
  });

  it("are not asked for again where the company lost its schema", async () => {
    const { tenant } = await provision("eva@perdida.com.br");
    await platform.query(`ALTER SCHEMA tenant_${tenant.id} RENAME TO hidden`);
    expect((await resend(tenant.id)).body).to.deep.include({ status: 409, code: "state-conflict" });
    await platform.query(`ALTER SCHEMA hidden RENAME TO tenant_${tenant.id}`);
    expect((await resend(tenant.id)).status).to.equal(202);
  });

  it("are not written for a company that never could be served", async () => {
    const [next] = await platform.query<{ id: number }>("SELECT (last_value + 1)::int AS id FROM companies_id_seq");
    await platform.query(`CREATE SCHEMA tenant_${next?.id}`);
    const made = await platform.createTenant();
    expect([made.answer.status, made.id]).to.deep.equal([202, next?.id]);
    expect(await rowsOf(next!.id)).to.deep.equal([]);
    expect((await resend(next!.id)).body.code).to.be.oneOf(["state-conflict", "tenant-not-found"]);
  });

  it("asked for again bring a link that ran out back to life, until it is used", async () => {
    const { tenant, setupUrl } = await provision("bia@tarde.com.br");
    const first = await post.arrived("bia@tarde.com.br");
    await lastRow(tenant.id, isDone, "the first row's end");
    await platform.query(`UPDATE tenant_${tenant.id}.one_time_tokens SET expires_at = now() - interval '1 hour'`);
    expect((await useLink(tenant.slug, setupUrl)).body.code).to.equal("link-invalid");

    const answer = await resend(tenant.id);
    expect([answer.status, answer.headers.get("cache-control")]).to.deep.equal([202, "no-store"]);
    expect(answer.body.setupUrl).to.equal(setupUrl);
    const days = (Date.parse(answer.body.expiresAt) - Date.now()) / 86_400_000;
    expect(days).to.be.within(6.9, 7.1);
    const again = await post.arrived("bia@tarde.com.br", 2);
    expect(headerOf(again, "Message-ID")).not.to.equal(headerOf(first, "Message-ID"));
    expect((await useLink(tenant.slug, linkIn(again)!)).status).to.equal(200);

    const late = await resend(tenant.id);
    expect([late.status, late.body.code]).to.deep.equal([409, "state-conflict"]);
    expect((await resend(99_999_999)).body.code).to.equal("tenant-not-found");
    const acts = await platform.query<{ action: string; data: object }>(
      "SELECT action, data FROM audit_log WHERE company_id = $1 AND action LIKE 'tenant.%' ORDER BY id",
      [tenant.id],
    );
    expect(acts.map(({ action }) => action)).to.deep.equal(["tenant.requested", "tenant.invitation-requested"]);
    expect(acts[1]?.data).to.deep.equal({ slug: tenant.slug });
  });
});
