import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { expect } from "chai";
import { meterCsv } from "./csv-meter.ts";

describe("the meter of CSV text", () => {
  const weigh = async (text: string, chunkBytes: number) => {
    const bytes = Buffer.from(text);
    const chunks = Array.from({ length: Math.ceil(bytes.length / chunkBytes) }, (_, i) =>
      bytes.subarray(i * chunkBytes, (i + 1) * chunkBytes),
    );
    const meter = meterCsv();
    const passed = await Readable.from(chunks).pipe(meter.stream).toArray();
    expect(Buffer.concat(passed)).to.deep.equal(bytes);
    return meter.sum();
  };

  it("counts records, not lines, wherever the text is cut", async () => {
    const text = 'id,"na""me"\n1,"a\nb"\n2,""\n3,\n4,"say ""hi""\n\n"\n5,ação 🎈\n\n';
    const sum = { rows: 6, bytes: Buffer.byteLength(text), sha256: createHash("sha256").update(text).digest("hex") };
    for (const size of [1, 2, 3, 5, 7, 1000]) expect(await weigh(text, size), `${size}`).to.deep.equal(sum);
  });

  it("knows a table without rows from no text at all, and from half a record", async () => {
    expect((await weigh("id\n", 10)).rows).to.equal(0);
    for (const text of ["", "id", 'id\n"1', 'id\n"1\n', "id\n1"]) {
      const error = await weigh(text, 10).catch((reason: unknown) => reason);
      expect(error, JSON.stringify(text)).to.deep.include({ code: "archive-damaged" });
    }
  });
});
