/** `make`, `lint`, `seal`: migrations as files. */
import { renderFinding } from "../../core/migrations/lint/finding.ts";
import { lintMigrations, type LintRequest } from "../../core/migrations/lint/lint-migrations.ts";
import { sealMigrations } from "../../core/migrations/lint/seal.ts";
import { makeMigration } from "../make-migration.ts";
import {
  exitCodes,
  refuseMore,
  requireRegistry,
  say,
  sayJson,
  UsageError,
  withFleet,
  type Command,
} from "./command.ts";
import { readWords } from "./start-run.ts";

const flag = { type: "boolean", default: false } as const;

export const makeCommand: Command = {
  usage: "make <name> [--public]",
  about: "write an empty migration for tenants (or for public)",
  read(args) {
    const { values, positionals } = readWords(args, { public: flag });
    refuseMore(positionals, 1);
    const [name] = positionals;
    if (name === undefined) throw new UsageError("make needs a name, e.g. make add_loyalty_points");
    return async () => {
      say(makeMigration(name, values.public ? "public" : "tenant"));
      return exitCodes.done;
    };
  },
};

export const lintCommand: Command = {
  usage: "lint [--database] [--json]",
  about: "what is dangerous or wrong in migrations that are not released yet, by file and line",
  details: `
  --database  also hold released files against what ran on the database
  --json      as JSON

Exit: 0 no error (warnings are no error), 1 errors, 2 wrong arguments.`,
  read(args) {
    const { values, positionals } = readWords(args, { database: flag, json: flag });
    refuseMore(positionals, 0);
    if (!values.database) return () => lint({}, values.json);
    return () =>
      withFleet(async (ctx) => {
        await requireRegistry(ctx);
        return lint({ db: ctx.db }, values.json);
      });
  },
};

export const sealCommand: Command = {
  usage: "seal",
  about: "make new migrations history: from now on their text may not change",
  read(args) {
    refuseMore(args, 0);
    return async () => {
      const names = await sealMigrations();
      say(names.length === 0 ? "seal: nothing to do" : `seal: ${names.join(", ")}`);
      return exitCodes.done;
    };
  },
};

async function lint(request: LintRequest, json: boolean): Promise<number> {
  const findings = await lintMigrations(request);
  if (json) sayJson(findings);
  else for (const finding of findings) say(renderFinding(finding));
  return findings.some(({ level }) => level === "error") ? exitCodes.failed : exitCodes.done;
}
