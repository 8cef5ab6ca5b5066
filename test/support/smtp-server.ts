/**
 * An SMTP server as a process of its own: `smtp-server.ts [port] [user:password]`. What it takes goes to stdout, one JSON
 * line for each mail; the parent tells it over IPC whom to refuse, and it answers when it knows.
 */
import type { AddressInfo } from "node:net";
import { SMTPServer } from "smtp-server";

/** Replies to RCPT TO, by recipient; code 0 is no reply at all. */
interface Refusals {
  readonly refuse: Readonly<Record<string, { readonly code: number; readonly text: string }>>;
}

const [port = "0", credentials = ""] = process.argv.slice(2);
let refusals: Refusals["refuse"] = {};

const server = new SMTPServer({
  disabledCommands: credentials === "" ? ["STARTTLS", "AUTH"] : ["STARTTLS"],
  allowInsecureAuth: true,
  authOptional: credentials === "",
  disableReverseLookup: true,
  onAuth({ username, password }, _session, done) {
    if (`${username}:${password}` === credentials) done(null, { user: username });
    // Some servers repeat what they were sent.
    else done(Object.assign(new Error(`no such account: ${username} ${password}`), { responseCode: 535 }));
  },
  onRcptTo({ address }, _session, done) {
    const refusal = refusals[address];
    if (refusal === undefined) done();
    else if (refusal.code !== 0) done(Object.assign(new Error(refusal.text), { responseCode: refusal.code }));
  },
  onData(stream, { envelope }, done) {
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.once("end", () => {
      const raw = Buffer.concat(chunks).toString("latin1");
      const mail = {
        from: envelope.mailFrom && envelope.mailFrom.address,
        to: envelope.rcptTo.map((to) => to.address),
      };
      process.stdout.write(`${JSON.stringify({ ...mail, raw })}\n`, () => done());
    });
  },
});

process.on("message", (message: Refusals) => {
  refusals = message.refuse;
  process.send?.({ known: Object.keys(refusals) });
});
process.once("disconnect", () => process.exit(0));
server.listen(Number(port), "127.0.0.1", () => {
  process.send?.({ port: (server.server.address() as AddressInfo).port });
});
