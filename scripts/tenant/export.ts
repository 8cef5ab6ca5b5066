import { parseArgs } from "node:util";
import { z } from "zod";
import { exportTenant } from "../../control-plane/archive/export/export-tenant.ts";
import { findCompany } from "../../control-plane/lifecycle/tenant-store.ts";
import { text } from "../../core/validation.ts";
import { commandActor, exitCodes, withControl, type Command } from "./command.ts";
import { showProgress } from "./show-progress.ts";

const help = `  export <id|uuid|slug> [--out FILE] [--json]
      write all data of a company into one file, of one moment, and read it back. The company goes on working
      --out FILE      where to; absent: a name in ARCHIVE_DIR (DATA_DIR/archives). An existing file is not replaced
      --json          { id, path, bytes, sha256, rows, tables, exportedAt }
`;

const argumentsSchema = z.object({ reference: text(1, 64), out: z.string().min(1).optional(), json: z.boolean() });

export const exportCommand: Command = {
  help,
  read(args) {
    const options = { out: { type: "string" }, json: { type: "boolean", default: false } } as const;
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
    if (positionals.length !== 1) throw new Error("name one company, by id, uuid or slug");
    const { reference, out, json } = argumentsSchema.parse({ ...values, reference: positionals[0] });
    return () =>
      withControl(async (ctx) => {
        const company = await findCompany(ctx.db, reference);
        if (company === undefined) throw new Error(`there is no company '${reference}'; name it by id, uuid or slug`);
        const row = await exportTenant(ctx, {
          companyId: company.id,
          purpose: "export",
          actor: commandActor(),
          file: out,
          onProgress: showProgress,
        });
        const { id, path, bytes, sha256, manifest } = row;
        const rows = manifest.tables.reduce((sum, table) => sum + table.rows, 0);
        const answer = {
          id,
          path,
          bytes,
          sha256,
          rows,
          tables: manifest.tables.length,
          exportedAt: manifest.exportedAt,
        };
        process.stdout.write(
          json
            ? `${JSON.stringify(answer)}\n`
            : `${path}\n${rows} rows of ${answer.tables} tables, ${bytes} bytes, sha256 ${sha256}: verified\n`,
        );
        return exitCodes.done;
      });
  },
};
