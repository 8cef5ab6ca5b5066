import { parseArgs } from "node:util";
import { z } from "zod";
import { verifyArchive } from "../../control-plane/archive/file/verify-archive.ts";
import { exitCodes, type Command } from "./command.ts";
import { showProgress } from "./show-progress.ts";

const help = `  verify <file> [--sha256 HEX] [--json]
      read an archive back and hold every table against its manifest; needs no server
      --sha256 HEX    of the file, as export said it: only this shows a file that was made anew as a whole
      --json          { company, exportedAt, migrations, rows, tables, bytes, sha256 }
`;

const argumentsSchema = z.object({
  file: z.string().min(1),
  sha256: z
    .string()
    .toLowerCase()
    .regex(/^[0-9a-f]{64}$/, "must be 64 hexadecimal digits")
    .optional(),
  json: z.boolean(),
});

export const verifyCommand: Command = {
  help,
  read(args) {
    const options = { sha256: { type: "string" }, json: { type: "boolean", default: false } } as const;
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
    if (positionals.length !== 1) throw new Error("name one file");
    const { file, sha256: wanted, json } = argumentsSchema.parse({ ...values, file: positionals[0] });
    return async () => {
      const { manifest, bytes, sha256, rows } = await verifyArchive(file, { sha256: wanted, onProgress: showProgress });
      const { company, exportedAt, migrations, tables } = manifest;
      const answer = { company, exportedAt, migrations, rows, tables: tables.length, bytes, sha256 };
      process.stdout.write(
        json
          ? `${JSON.stringify(answer)}\n`
          : `${company.slug} (${company.name}) of ${exportedAt}, schema at ${migrations.at(-1)}\n` +
              `${rows} rows of ${tables.length} tables, ${bytes} bytes, sha256 ${sha256}: whole\n`,
      );
      return exitCodes.done;
    };
  },
};
