import { Transform, type Readable } from "node:stream";
import { pipeline } from "node:stream";
import { crc32 } from "node:zlib";
import yauzl, { type Entry } from "yauzl";
import { messageOf } from "../../../core/errors.ts";
import { ArchiveError } from "./archive-error.ts";

export interface ZipReader {
  readonly names: readonly string[];
  /** The entry's content; it ends with an error when its checksum is not the one in the directory. */
  open(name: string): Promise<Readable>;
  close(): void;
}

/** @throws ArchiveError `archive-damaged` when the file is no whole ZIP file; ENOENT and the like as they are. */
export async function openZip(path: string): Promise<ZipReader> {
  const zip = await readable(() => yauzl.openPromise(path, { lazyEntries: true, autoClose: false }));
  const entries = new Map<string, Entry>();
  try {
    await readable(async () => {
      for await (const entry of zip.eachEntry()) {
        if (entries.has(entry.fileName)) throw new Error(`${entry.fileName} is there twice`);
        entries.set(entry.fileName, entry);
      }
    });
  } catch (error) {
    zip.close();
    throw error;
  }
  return {
    names: [...entries.keys()],
    async open(name) {
      const entry = entries.get(name);
      if (entry === undefined) throw damaged(`${name} is missing`);
      const raw = await readable(() => zip.openReadStreamPromise(entry));
      const checked = checkedBy(entry);
      pipeline(raw, checked, () => undefined);
      return checked;
    },
    close: () => zip.close(),
  };
}

/** Passes the content on and holds it against the CRC-32 of the directory, which yauzl leaves to its users. */
function checkedBy(entry: Entry): Transform {
  let crc = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      crc = crc32(chunk, crc);
      done(null, chunk);
    },
    flush(done) {
      done(crc === entry.crc32 ? null : damaged(`${entry.fileName} is not what was written: its checksum differs`));
    },
  });
}

/** Faults of the format become ArchiveErrors; those of the file system are told as they are. */
async function readable<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ArchiveError || (error as NodeJS.ErrnoException).syscall !== undefined) throw error;
    throw damaged(`not a whole ZIP file: ${messageOf(error)}`, error);
  }
}

const damaged = (why: string, cause?: unknown): ArchiveError => new ArchiveError("archive-damaged", why, { cause });
