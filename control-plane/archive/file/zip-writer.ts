import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import type { Readable } from "node:stream";
import { finished, pipeline } from "node:stream/promises";
import { ZipFile } from "yazl";

export interface ZipWriter {
  /** Writes one entry. Resolves when the content was read to its end. @throws what the content or the disk throws. */
  add(name: string, content: Readable): Promise<void>;
  /** Writes the directory of entries and waits until everything is on the disk. Closes the file. */
  finish(): Promise<{ readonly bytes: number; readonly sha256: string }>;
  /** Closes the file as far as it came. */
  abort(): Promise<void>;
}

/** A new ZIP file (APPNOTE 6.3, ZIP64 where it is needed), readable by its owner only. @throws EEXIST when it is there. */
export async function createZip(path: string, mtime: Date): Promise<ZipWriter> {
  const handle = await open(path, "wx", 0o600);
  const zip = new ZipFile();
  const output = zip.outputStream as Readable;
  const hash = createHash("sha256");
  let bytes = 0;
  const written = pipeline(output, async (chunks: AsyncIterable<Buffer>) => {
    for await (const chunk of chunks) {
      hash.update(chunk);
      bytes += chunk.length;
      // At the end of what was written before, all of it.
      await handle.writeFile(chunk);
    }
  });
  // Whoever adds or finishes hears of it; nobody else has to.
  written.catch(() => undefined);
  (zip as NodeJS.EventEmitter).on("error", (error: Error) => output.destroy(error));

  return {
    async add(name, content) {
      zip.addReadStreamLazy(name, { mtime, mode: 0o600 }, (give) => give(null, content));
      // `written` can only fail before the end: then nobody would read the content any more.
      await Promise.race([finished(content), written]);
    },
    async finish() {
      zip.end();
      await written;
      await handle.sync();
      await handle.close();
      return { bytes, sha256: hash.digest("hex") };
    },
    async abort() {
      output.destroy();
      await written.catch(() => undefined);
      await handle.close().catch(() => undefined);
    },
  };
}
