/** Hands mails in: to the SMTP server of SMTP_URL, or, without one, to the log as an event. */
import { createTransport } from "nodemailer";
import { ResourceError } from "../../core/errors.ts";
import type { ControlContext } from "../context.ts";
import type { CompanyRow } from "../lifecycle/tenant-store.ts";
import { toMailFailure } from "./mail-failure.ts";
import type { OutboxKind } from "./outbox-store.ts";

export interface Mail {
  readonly kind: OutboxKind;
  readonly company: Pick<CompanyRow, "id" | "slug" | "locale">;
  /** Without brackets; the same for every attempt, so that a mail that came twice is seen to be one. */
  readonly messageId: string;
  readonly to: { readonly name: string; readonly address: string };
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

export interface Mailer {
  /**
   * Resolves when the server has taken the mail, or the log the event.
   * @throws ResourceError `transient`, `needs-user` or `permanent`; it carries no credentials and nothing of the mail.
   */
  send(mail: Mail, signal: AbortSignal): Promise<"sent" | "logged">;
}

type MailerContext = Pick<ControlContext, "config" | "log">;

export const createMailer = ({ config, log }: MailerContext): Mailer =>
  config.SMTP_URL === undefined ? logMailer(log) : smtpMailer(config.SMTP_URL, config.MAIL_FROM);

/** Says that there was a mail, never what was in it: its link is a secret. */
function logMailer(log: MailerContext["log"]): Mailer {
  return {
    async send({ kind, company }) {
      const { id: companyId, slug, locale } = company;
      log.info(
        { event: kind, companyId, slug, template: templateOf(kind), locale },
        "no SMTP_URL: a mail was not sent",
      );
      return "logged";
    },
  };
}

export const templateOf = (kind: OutboxKind): string => kind.replace(/\.email$/, "");

function smtpMailer(url: string, from: string): Mailer {
  const transport = createTransport({
    // What the URL says itself wins, e.g. ?requireTLS=false for a relay inside a private network.
    url,
    requireTLS: needsTls(url),
    connectionTimeout: 10_000,
    dnsTimeout: 10_000,
    greetingTimeout: 15_000,
    socketTimeout: 30_000,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const domain = /@([a-z0-9.-]+)/i.exec(from)?.[1] ?? "localhost";
  return {
    async send({ to, subject, text, html, messageId, company }, signal) {
      const message = {
        from,
        to: { name: oneLine(to.name), address: onlyAddress(to.address) },
        subject: oneLine(subject),
        messageId: `<${messageId}@${domain}>`,
        // RFC 3834: nobody's absence note answers this.
        headers: { "Auto-Submitted": "auto-generated", "Content-Language": company.locale },
        text,
        html,
        encoding: "quoted-printable",
        signal: AbortSignal.any([signal, AbortSignal.timeout(60_000)]),
      };
      await transport.sendMail(message).catch((error: unknown) => {
        throw toMailFailure(error, url);
      });
      return "sent";
    },
  };
}

/** Credentials cross no network in clear because somebody on the way took STARTTLS out of the server's greeting. */
function needsTls(url: string): boolean {
  const { hostname, username } = new URL(url);
  return username !== "" && !/^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname);
}

/** A line break in a header begins the next header. */
// oxlint-disable-next-line no-control-regex
const oneLine = (text: string): string => text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, " ").trim();

/** @throws ResourceError `permanent` for what is not one plain address: a list would reach strangers. */
function onlyAddress(address: string): string {
  // oxlint-disable-next-line no-control-regex
  if (/^[^\s\u0000-\u001f\u007f"(),:;<>@[\\\]]+@[^\s\u0000-\u001f\u007f"(),:;<>@[\\\]]+$/.test(address)) return address;
  throw new ResourceError("permanent", "address-invalid", "the owner's e-mail address is not one plain address");
}
