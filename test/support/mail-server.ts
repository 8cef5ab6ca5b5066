/** Starts smtp-server.ts and reads what it took. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { programArguments } from "./cli.ts";
import { nextMessage, until } from "./wait.ts";

export interface ReceivedMail {
  readonly from: string;
  /** Of the envelope. */
  readonly to: string[];
  /** Unfolded lines of the header, as they came. */
  readonly header: string[];
  readonly text: string;
  readonly html: string;
}

export interface MailServer {
  readonly port: number;
  /** Everything it took, oldest first. */
  readonly mails: readonly ReceivedMail[];
  to(address: string): ReceivedMail[];
  /** Waits for so many mails to one address. */
  arrived(address: string, count?: number): Promise<ReceivedMail>;
  /** Replies to RCPT TO from now on, code 0 being none; other recipients are taken. */
  refuse(replies: Record<string, { code: number; text: string }>): Promise<void>;
  stop(): Promise<void>;
}

export async function startMailServer({ port = 0, credentials = "" } = {}): Promise<MailServer> {
  const program = programArguments("test/support/smtp-server");
  const child = spawn(process.execPath, [...program, String(port), credentials], {
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  const mails: ReceivedMail[] = [];
  createInterface({ input: child.stdout! }).on("line", (line) => mails.push(readMail(JSON.parse(line))));
  const ready = await nextMessage<{ port: number }>(child, "the mail server's start");
  const to = (address: string) => mails.filter((mail) => mail.to.includes(address));
  return {
    port: ready.port,
    mails,
    to,
    async arrived(address, count = 1) {
      const found = await until(
        async () => to(address),
        (all) => all.length >= count,
        { what: `mail ${count} to ${address}` },
      );
      return found[count - 1]!;
    },
    async refuse(replies) {
      const known = nextMessage(child, "the mail server's new replies");
      child.send({ refuse: replies });
      await known;
    },
    async stop() {
      const gone = once(child, "exit");
      child.kill("SIGKILL");
      await gone;
    },
  };
}

/** Of a multipart/alternative whose parts are quoted-printable (RFC 2045, 6.7) or plain. */
function readMail({ raw, ...envelope }: { from: string; to: string[]; raw: string }): ReceivedMail {
  const [head, body] = splitPart(raw);
  const header = linesOf(head);
  const boundary = /boundary="([^"]+)"/.exec(head)?.[1];
  if (boundary === undefined) throw new Error(`a mail without parts:\n${raw}`);
  const parts = body.split(`--${boundary}`).map((part) => splitPart(part.replace(/^\r\n/, "")));
  const partOf = (type: string) => {
    const [partHead, content] = parts.find(([lines]) => lines.toLowerCase().includes(`content-type: ${type}`))!;
    return /quoted-printable/i.test(partHead) ? decodeQuoted(content) : content;
  };
  return { ...envelope, header, text: partOf("text/plain"), html: partOf("text/html") };
}

function splitPart(part: string): [head: string, body: string] {
  const end = part.indexOf("\r\n\r\n");
  return end === -1 ? [part, ""] : [part.slice(0, end), part.slice(end + 4)];
}

const linesOf = (head: string): string[] => head.replace(/\r\n[ \t]+/g, " ").split("\r\n");

function decodeQuoted(text: string): string {
  const bytes = text
    .replace(/=\r\n/g, "")
    .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, "latin1").toString("utf8").replaceAll("\r\n", "\n");
}

/** A header's value with its encoded words (RFC 2047) decoded. */
export function headerOf(mail: ReceivedMail, name: string): string | undefined {
  const lines = mail.header.filter((line) => line.toLowerCase().startsWith(`${name.toLowerCase()}:`));
  if (lines.length > 1) throw new Error(`${name} is there ${lines.length} times`);
  return lines[0]
    ?.slice(name.length + 1)
    .trim()
    .replace(/\?=\s+=\?/g, "?==?")
    .replace(/=\?utf-8\?(Q|B)\?([^?]*)\?=/gi, (_, kind: string, word: string) =>
      kind.toUpperCase() === "B"
        ? Buffer.from(word, "base64").toString("latin1")
        : word
            .replaceAll("_", " ")
            .replace(/=([0-9A-F]{2})/gi, (__, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    )
    .replace(/[\u0080-\u00ff]+/g, (bytes) => Buffer.from(bytes, "latin1").toString("utf8"));
}
