import { AppError, type ErrorCode } from "../core/errors.ts";
import { fail } from "./terminal.ts";
import { allCommand, rollbackCommand } from "./migrate/all.ts";
import { canaryCommand } from "./migrate/canary.ts";
import { exitCodes, UsageError, type Command } from "./migrate/command.ts";
import { lintCommand, makeCommand, sealCommand } from "./migrate/files.ts";
import { publicCommand, setupCommand, tenantCommand } from "./migrate/one.ts";
import { abortCommand, pauseCommand, resumeCommand, runsCommand } from "./migrate/runs.ts";
import { statusCommand } from "./migrate/status.ts";
import { verifyCommand } from "./migrate/verify.ts";

const commands: Readonly<Record<string, Command>> = {
  status: statusCommand,
  all: allCommand,
  tenant: tenantCommand,
  rollback: rollbackCommand,
  verify: verifyCommand,
  runs: runsCommand,
  resume: resumeCommand,
  pause: pauseCommand,
  abort: abortCommand,
  canary: canaryCommand,
  public: publicCommand,
  setup: setupCommand,
  make: makeCommand,
  lint: lintCommand,
  seal: sealCommand,
};

const help = `Usage: npm run migrate -- <command>

${Object.values(commands)
  .map(({ usage, about }) => `  ${usage.padEnd(38)} ${about}`)
  .join("\n")}
  --help                                 this text; behind a command, its options

On a terminal a run shows its progress; into a pipe, or with --json, it writes JSON lines.
Servers: DATABASE_URL, or the running embedded stack of DATA_DIR.
Exit: 0 done, 1 it failed, or some tenants did, or (verify) drifted, 2 wrong arguments, 3 (status, verify) something is
      behind, 4 the run is paused or was handed over, 5 another run is open.
`;

/** What the errors of runs mean to a script; of any other it only knows that it failed. */
const codes: Partial<Record<ErrorCode, number>> = {
  "invalid-request": exitCodes.usage,
  "run-open": exitCodes.open,
  "nothing-to-do": exitCodes.done,
};

const [name = "--help", ...args] = process.argv.slice(2);
const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
if (name === "--help" || args.includes("--help")) {
  process.stdout.write(command === undefined ? help : helpOf(command));
  process.exit(exitCodes.done);
}
const work = readArguments();
try {
  process.exitCode = await work();
} catch (error) {
  if (error instanceof UsageError) fail(error, exitCodes.usage);
  fail(error, error instanceof AppError ? (codes[error.code] ?? exitCodes.failed) : exitCodes.failed);
}

function readArguments(): () => Promise<number> {
  if (command === undefined) {
    process.stderr.write(`there is no command '${name}'\n\n${help}`);
    process.exit(exitCodes.usage);
  }
  try {
    return command.read(args);
  } catch (error) {
    process.stderr.write(`${helpOf(command)}\n`);
    return fail(error, exitCodes.usage);
  }
}

function helpOf({ usage, about, details = "" }: Command): string {
  return `Usage: npm run migrate -- ${usage}\n\n  ${about}\n${details}\n`;
}
