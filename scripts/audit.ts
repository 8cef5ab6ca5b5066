import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { parseArgs } from "node:util";
import { z } from "zod";
import { streamAudit, verifyAudit } from "../control-plane/audit-log.ts";
import { findCompany } from "../control-plane/lifecycle/tenant-store.ts";
import { openDatabase, type Knex } from "../core/db.ts";
import { text } from "../core/validation.ts";
import { scriptConfig } from "./script-config.ts";
import { fail } from "./terminal.ts";

const help = `Usage: npm run --silent audit-log -- <command>

  verify [--expect HASH] [--json]         check every row against its hash and the row before
  export [--tenant X] [--since ISO]       write rows as JSON lines, oldest first
  --help                                  this text

  --expect HASH   a last hash that verify said earlier and that was kept elsewhere; a row must still have it. Only this
                  shows that the newest rows were cut off, or that all hashes were made again
  --json          { rows, lastHash, broken: [{ id, why }], holdsExpected }
  --tenant X      one company's rows, by id, uuid or slug
  --since ISO     rows from then on: 2026-01-31 (UTC) or 2026-01-31T08:00:00-03:00

Servers: DATABASE_URL, or the running embedded stack of DATA_DIR.
Exit: 0 fine, 1 could not run, 2 wrong arguments, 4 the chain is broken.
`;

type Work = (db: Knex) => Promise<number>;

const verifySchema = z.object({
  expect: z
    .string()
    .regex(/^[0-9a-f]{64}$/i, "must be 64 hexadecimal digits")
    .transform((hash) => hash.toLowerCase())
    .optional(),
  json: z.boolean().default(false),
});

const exportSchema = z.object({
  tenant: text(1, 64).optional(),
  since: z
    .union([z.iso.datetime({ offset: true }), z.iso.date()], "must be a date or a time with Z or an offset")
    .transform((iso) => new Date(iso))
    .optional(),
});

/** Each reads its arguments at once and answers the work, which ends with an exit code. */
const commands: Readonly<Record<string, (args: string[]) => Work>> = {
  verify(args) {
    const { values } = parseArgs({ args, options: { expect: { type: "string" }, json: { type: "boolean" } } });
    const options = verifySchema.parse(values);
    return (db) => verify(db, options);
  },
  export(args) {
    const { values } = parseArgs({ args, options: { tenant: { type: "string" }, since: { type: "string" } } });
    const options = exportSchema.parse(values);
    return (db) => exportLines(db, options);
  },
};

const work = readArguments(process.argv.slice(2));
try {
  process.exitCode = await withDatabase(work);
} catch (error) {
  fail(error, 1);
}

function readArguments([name = "", ...args]: string[]): Work {
  if ([name, ...args].includes("--help")) {
    process.stdout.write(help);
    process.exit(0);
  }
  try {
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
    if (command === undefined) throw new Error(name === "" ? "name a command" : `there is no command '${name}'`);
    return command(args);
  } catch (error) {
    process.stderr.write(`${help}\n`);
    return fail(error, 2);
  }
}

async function withDatabase(use: Work): Promise<number> {
  const { DATABASE_URL = "" } = await scriptConfig();
  const db = openDatabase(DATABASE_URL, { name: "audit-log", max: 1 });
  try {
    return await use(db);
  } finally {
    await db.destroy();
  }
}

async function verify(db: Knex, { expect, json }: z.output<typeof verifySchema>): Promise<number> {
  const result = await verifyAudit(db, { expect });
  const { rows, lastHash, broken, holdsExpected } = result;
  const isFine = broken.length === 0 && holdsExpected !== false;
  const lines = [
    ...broken.map(({ id, why }) => `row ${id}: ${why}`),
    ...(holdsExpected === false ? [`no row has the hash ${expect}: rows were cut off or written anew`] : []),
    `${rows} rows, last hash ${lastHash || "none"}: ${isFine ? "the chain holds" : "THE CHAIN IS BROKEN"}`,
  ];
  process.stdout.write(json ? `${JSON.stringify(result)}\n` : `${lines.join("\n")}\n`);
  return isFine ? 0 : 4;
}

async function exportLines(db: Knex, { tenant, since }: z.output<typeof exportSchema>): Promise<number> {
  const company = tenant === undefined ? undefined : await findCompany(db, tenant);
  if (tenant !== undefined && company === undefined)
    throw new Error(`there is no company '${tenant}'; name it by id, uuid or slug`);
  const lines = async function* () {
    for await (const record of streamAudit(db, { companyId: company?.id, since })) yield `${JSON.stringify(record)}\n`;
  };
  await pipeline(Readable.from(lines()), process.stdout, { end: false });
  return 0;
}
