import { ArchiveError } from "../control-plane/archive/file/archive-error.ts";
import { AppError } from "../core/errors.ts";
import { adoptCommand } from "./tenant/adopt.ts";
import { exitCodes, type Command } from "./tenant/command.ts";
import { exportCommand } from "./tenant/export.ts";
import { importCommand } from "./tenant/import.ts";
import { verifyCommand } from "./tenant/verify.ts";
import { verifyManifestCommand } from "./tenant/verify-manifest.ts";
import { fail } from "./terminal.ts";

const commands: Readonly<Record<string, Command>> = {
  export: exportCommand,
  import: importCommand,
  verify: verifyCommand,
  adopt: adoptCommand,
  "verify-manifest": verifyManifestCommand,
};

const help = `Usage: npm run --silent tenant -- <command>

${Object.values(commands)
  .map((command) => command.help)
  .join("\n")}
  --help              this text

Servers: DATABASE_URL and REDIS_URL, or the running embedded stack of DATA_DIR; MASTER_KEY, or DATA_DIR/master.key.
Exit: 0 done, 1 it failed, 2 wrong arguments, 4 the file is damaged, forged or of another kind.
`;

const work = readArguments(process.argv.slice(2));
try {
  process.exitCode = await work();
} catch (error) {
  fail(inWords(error), exitCodeOf(error));
}

function readArguments([name = "", ...args]: string[]): () => Promise<number> {
  if ([name, ...args].includes("--help")) {
    process.stdout.write(help);
    process.exit(exitCodes.done);
  }
  try {
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
    if (command === undefined) throw new Error(name === "" ? "name a command" : `there is no command '${name}'`);
    return command.read(args);
  } catch (error) {
    process.stderr.write(`${help}\n`);
    return fail(error, exitCodes.usage);
  }
}

function exitCodeOf(error: unknown): number {
  if (error instanceof AppError && error.code === "invalid-request") return exitCodes.usage;
  const isDamage = error instanceof ArchiveError && /^archive-(damaged|unreadable)$/.test(error.code);
  return isDamage ? exitCodes.damaged : exitCodes.failed;
}

/** The API's error tells of fields by JSON pointers; here they are options. */
function inWords(error: unknown): unknown {
  if (!(error instanceof AppError) || error.errors.length === 0) return error;
  return new Error(error.errors.map(({ pointer, detail }) => `${pointer.slice(1)}: ${detail}`).join("\n"));
}
