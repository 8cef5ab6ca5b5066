import { createHash } from "node:crypto";
import { Transform } from "node:stream";
import { ArchiveError } from "./archive-error.ts";

export interface CsvSum {
  /** Records without the header; a line break inside quotes ends none. */
  readonly rows: number;
  readonly bytes: number;
  /** Of the text, hex. */
  readonly sha256: string;
}

export interface CsvMeter {
  /** Passes the text on as it is. */
  readonly stream: Transform;
  /** Once the stream has ended. @throws ArchiveError `archive-damaged` when it ended inside a record. */
  sum(): CsvSum;
}

const quote = 0x22;
const lineBreak = 0x0a;

/**
 * Weighs CSV text (RFC 4180) while it flows by, one chunk in memory. A quote inside quotes is written twice, so that
 * whether a byte is quoted is whether the quotes before it are odd; neither byte is ever part of a longer UTF-8 one.
 */
export function meterCsv(): CsvMeter {
  const hash = createHash("sha256");
  let [bytes, records, quoted, last] = [0, 0, false, lineBreak];
  const stream = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      bytes += chunk.length;
      for (let i = 0; i < chunk.length; i += 1) {
        const byte = chunk[i];
        if (byte === quote) quoted = !quoted;
        else if (byte === lineBreak && !quoted) records += 1;
      }
      last = chunk.at(-1) ?? last;
      done(null, chunk);
    },
  });
  return {
    stream,
    sum() {
      if (quoted || last !== lineBreak || records === 0)
        throw new ArchiveError("archive-damaged", "the CSV text ends inside a record");
      return { rows: records - 1, bytes, sha256: hash.digest("hex") };
    },
  };
}
