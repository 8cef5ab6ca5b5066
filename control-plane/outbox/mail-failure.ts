/** What a failed hand-in means: whether trying again helps, told without credentials and without what was in the mail. */
import { ResourceError } from "../../core/errors.ts";
import { withoutUrls } from "../../core/logger.ts";

/** What nodemailer puts on its errors. */
interface SmtpError {
  readonly code?: string;
  /** What the code was before nodemailer gave its own, e.g. ECONNREFUSED. */
  readonly originalCode?: string;
  readonly command?: string;
  readonly response?: string;
  readonly responseCode?: number;
}

/**
 * RFC 5321, 4.2.1: a 4yz reply passes, a 5yz reply to the recipient or the message stays. What the server holds against
 * our credentials or our sender is the same for every mail, and goes away when a person mends the configuration.
 */
export function toMailFailure(error: unknown, smtpUrl: string): ResourceError {
  const { code, originalCode, command = "", response, responseCode } = error as SmtpError;
  // No word of the answer to a login is kept: a server may repeat what it was sent.
  if (code === "EAUTH" || code === "ENOAUTH" || command.startsWith("AUTH"))
    return new ResourceError(
      responseCode !== undefined && responseCode < 500 ? "transient" : "needs-user",
      "smtp-login-refused",
      `the mail server does not take the credentials of SMTP_URL${responseCode ? ` (${responseCode})` : ""}`,
    );
  if (code === "ETLS" || code === "EREQUIRETLS")
    return new ResourceError("needs-user", "smtp-tls", "the mail server does not offer TLS that can be trusted");
  if (responseCode === undefined)
    return new ResourceError(
      "transient",
      "smtp-unreachable",
      `no answer from the mail server: ${originalCode ?? code}`,
    );
  const said = `the mail server answered to ${command || "us"}: ${readable(response ?? "", smtpUrl)}`;
  // 503 speaks of the order of commands, not of the mail.
  const isFinal = responseCode >= 500 && responseCode !== 503;
  const retry = !isFinal ? "transient" : command === "MAIL FROM" ? "needs-user" : "permanent";
  return new ResourceError(retry, `smtp-${responseCode}`, said);
}

/** The reply on one line without our credentials, and without anything long enough to be a link or its token. */
function readable(response: string, smtpUrl: string): string {
  const { username, password } = new URL(smtpUrl);
  const secrets = [password, username, decodeURIComponent(password), decodeURIComponent(username)].filter(Boolean);
  const bare = secrets.reduce((text, secret) => text.replaceAll(secret, "…"), response);
  return withoutUrls(bare)
    .replace(/\w+:\/\/\S+/g, "…")
    .replace(/[\w+/=-]{25,}/g, "…")
    .replace(/\s+/g, " ")
    .slice(0, 300);
}
