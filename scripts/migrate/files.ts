/** `make`, `lint`, `seal`: migrations as files. */
import { useTenantMigrations } from "../../core/migrations/folders.ts";
import { renderFinding, type LintFinding } from "../../core/migrations/lint/finding.ts";
import { lintMigrations } from "../../core/migrations/lint/lint-migrations.ts";
import { proveMigrations } from "../../core/migrations/lint/prove-migrations.ts";
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
  usage: "make <name> [--public] [--ts]",
  about: "write an empty migration for tenants (or for public)",
  details: `
  --public           for the registry
  --ts               in TypeScript
  --expand           the first step of a change in two releases (docs/MIGRATIONS.md)
  --contract <file>  the last step, after that expand`,
  read(args) {
    const options = { public: flag, ts: flag, expand: flag, contract: { type: "string" } } as const;
    const { values, positionals } = readWords(args, options);
    refuseMore(positionals, 1);
    const [name] = positionals;
    if (name === undefined) throw new UsageError("make needs a name, e.g. make add_loyalty_points");
    return async () => {
      useOwnFolder();
      const { ts: isScript, expand: isExpand, contract } = values;
      say(makeMigration(name, { kind: values.public ? "public" : "tenant", isScript, isExpand, contract }));
      return exitCodes.done;
    };
  },
};

export const lintCommand: Command = {
  usage: "lint [--database] [--json]",
  about: "what is dangerous or wrong in migrations that are not released yet, by file and line",
  details: `
  --database  also hold released files against what ran on the database, and try new ones there: up, down and up
              again in a transaction that is rolled back
  --json      as JSON

Exit: 0 no error (warnings are no error), 1 errors, 2 wrong arguments.`,
  read(args) {
    const { values, positionals } = readWords(args, { database: flag, json: flag });
    refuseMore(positionals, 0);
    if (!values.database)
      return async () => {
        useOwnFolder();
        return report(await lintMigrations(), values.json);
      };
    return () =>
      withFleet(async (ctx) => {
        await requireRegistry(ctx);
        const findings = await lintMigrations({ db: ctx.db });
        return report([...findings, ...(await proveMigrations(ctx.db))], values.json);
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

/** Files are looked at where there is no configuration yet; of it they need this one key. */
const useOwnFolder = (): void => useTenantMigrations(process.env["TENANT_MIGRATIONS"] || undefined);

function report(findings: readonly LintFinding[], json: boolean): number {
  if (json) sayJson(findings);
  else for (const finding of findings) say(renderFinding(finding));
  return findings.some(({ level }) => level === "error") ? exitCodes.failed : exitCodes.done;
}
