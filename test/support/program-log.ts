/** What the programs logged during a test: kept while it runs, printed when it fails. */
import type { Context, RootHookObject, Runnable, Suite } from "mocha";
import { createLogger, type Logger } from "../../core/logger.ts";

const maxLines = 300;
const maxLineCharacters = 2_000;
const lines: string[] = [];

/** Keeps a line of a program that a test started, e.g. of a child's output. */
export function keepLine(line: string): void {
  lines.push(line.slice(0, maxLineCharacters));
  if (lines.length > maxLines) lines.shift();
}

/** Returns the logger of programs in a test's process. With TEST_LOG_LEVEL it writes at once instead. */
export function testLog(): Logger {
  const level = process.env["TEST_LOG_LEVEL"];
  if (level !== undefined) return createLogger("test", level);
  return createLogger("test", "info", { write: (text) => keepLine(text.trimEnd()) });
}

/** Root hooks: mocha runs them around every test of every file. */
export const printLogOfFailures: RootHookObject = {
  beforeEach: () => void (lines.length = 0),
  afterEach(this: Context) {
    if (this.currentTest?.isFailed()) printLog(this.currentTest.fullTitle());
  },
  /** A hook that failed has no test after which it could be told. */
  afterAll(this: Context) {
    const root = this.test?.parent;
    const failed = root === undefined ? undefined : hooksOf(root).find((hook) => hook.isFailed());
    if (failed !== undefined) printLog(failed.title);
  },
};

function printLog(title: string): void {
  const logged = lines.length === 0 ? "nothing" : `\n${lines.join("\n")}`;
  process.stderr.write(`\nFailed: ${title}\nThe programs logged, last line last: ${logged}\n\n`);
}

const hookKinds = ["beforeAll", "beforeEach", "afterEach", "afterAll"] as const;

/** Mocha's `getHooks` is missing in its types. */
type WithHooks = { getHooks(kind: (typeof hookKinds)[number]): readonly Runnable[] };

const hooksOf = (suite: Suite): Runnable[] => [
  ...hookKinds.flatMap((kind) => (suite as unknown as WithHooks).getHooks(kind)),
  ...suite.suites.flatMap(hooksOf),
];
