import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { deletionManifestSchema, deletionStatement } from "../../control-plane/lifecycle/endings/deletion-manifest.ts";
import { messageOf } from "../../core/errors.ts";
import { verifyStatement } from "../../core/statements.ts";
import { exitCodes, withControl, type Command } from "./command.ts";

const help = `  verify-manifest <file> [--json]
      check the signed account of a deletion: the 'jws' of GET /api/tenants/<id>/deletion-manifest, or that whole answer
      --json          the manifest
`;

export const verifyManifestCommand: Command = {
  help,
  read(args) {
    const options = { json: { type: "boolean", default: false } } as const;
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
    const [file, ...more] = positionals;
    if (file === undefined || more.length > 0) throw new Error("name one file");
    return async () => {
      const jws = readJws(await readFile(file, "utf8"));
      const stated = await withControl((ctx) =>
        verifyStatement(ctx.db, deletionStatement, jws).catch((error: unknown) => {
          process.stderr.write(`${file}: not valid: ${messageOf(error)}\n`);
        }),
      );
      if (stated === undefined) return exitCodes.damaged;
      const manifest = deletionManifestSchema.parse(stated);
      process.stdout.write(values.json ? `${JSON.stringify(manifest)}\n` : inWords(manifest));
      return exitCodes.done;
    };
  },
};

/** The signature alone, or the API's answer with it. */
function readJws(text: string): string {
  const trimmed = text.trim();
  return trimmed.startsWith("{") ? String((JSON.parse(trimmed) as { jws?: unknown }).jws) : trimmed;
}

function inWords({ company, removed, archive, finishedAt }: ReturnType<typeof deletionManifestSchema.parse>): string {
  const lines = removed.map(
    ({ resource, what, verifiedAbsentAt }) =>
      `  ${resource.padEnd(12)} gone at ${verifiedAbsentAt}: ${what.join("; ")}`,
  );
  const kept =
    archive === null ? "no export" : `export ${archive.sha256}, kept until ${archive.keptUntil ?? "removed"}`;
  return `valid: ${company.slug} (company ${company.id}) was removed at ${finishedAt}; ${kept}\n${lines.join("\n")}\n`;
}
