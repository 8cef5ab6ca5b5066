/** What a run looks like on a terminal: one line a wave, redrawn in place. */
import { expect } from "chai";
import type { ResultJson, RunJson } from "../control-plane/fleet/run-schemas.ts";
import { terminalReporter } from "../scripts/migrate/terminal-reporter.ts";
import { refusal } from "./support/runs.ts";

type Wave = RunJson["waves"][number];

const secondsAgo = (seconds: number) => new Date(Date.now() - seconds * 1000).toISOString();

const waveOf = (number: number, name: string, more: Partial<Wave>): Wave => ({
  number,
  name,
  status: "running",
  startedAt: secondsAgo(10),
  bakeUntil: null,
  finishedAt: null,
  tenants: 100,
  done: 0,
  failed: 0,
  skipped: 0,
  waiting: 100,
  busy: 0,
  ...more,
});

const runOf = (waves: Wave[], more: Partial<RunJson> = {}): RunJson => ({
  id: "00000000-0000-4000-8000-000000000001",
  direction: "up",
  target: "0015_nicknames.sql 0123456789abcdef",
  mode: "eager",
  status: "running",
  wave: waves.find(({ status }) => status === "running")?.number ?? waves.length,
  pauseReason: null,
  requestedBy: "cli:ana",
  coordinator: null,
  options: {},
  createdAt: secondsAgo(75),
  finishedAt: null,
  tenants: 200,
  done: 0,
  failed: 0,
  skipped: 0,
  waiting: 200,
  busy: 0,
  waves,
  ...more,
});

const result: ResultJson = {
  tenantId: 42,
  slug: "acme",
  wave: 2,
  status: "failed",
  fromVersion: "0014_people.sql x",
  toVersion: null,
  attempts: 1,
  nextAttemptAt: null,
  durationMs: null,
  error: refusal,
  finishedAt: secondsAgo(0),
};

/** The lines that stay on a terminal of that width after everything was written. */
function openScreen(columns: number) {
  let written = "";
  const stream = { columns, write: (text: string) => ((written += text), true) };
  const lines = () => written.split("\n").map((line) => line.split("\r").at(-1)?.replaceAll("\u001b[K", "") ?? "");
  return { stream: stream as unknown as NodeJS.WriteStream, lines };
}

describe("the progress of a run on a terminal", () => {
  it("is a line per wave with bar, counts, pace and what is left, redrawn in place", () => {
    const { stream, lines } = openScreen(120);
    const reporter = terminalReporter(stream);
    reporter.progress(
      runOf([waveOf(1, "canary", { done: 25, waiting: 75 }), waveOf(2, "100 %", { status: "waiting" })]),
    );
    expect(lines()).to.have.length(1);
    expect(lines()[0]).to.match(/^canary {3}█{6}░{18} {2}25\/100 done {2}2\.5\/s {2}0:3\d left$/);
    reporter.progress(runOf([waveOf(1, "canary", { done: 50, waiting: 48, failed: 2, busy: 3 })]));
    expect(lines()).to.have.length(1);
    expect(lines()[0]).to.include("50/100 done, 2 failed, 3 busy");
    const ended = { status: "done", done: 100, waiting: 0, finishedAt: secondsAgo(0) } as const;
    reporter.progress(runOf([waveOf(1, "canary", ended), waveOf(2, "100 %", { done: 1, waiting: 99 })]));
    expect(lines()[0]).to.match(/100\/100 done {2}0:1\d$/);
    expect(lines()[1]).to.match(/^100 %.* 1\/100 done/);
  });

  it("names a tenant that failed above the line, which goes on", () => {
    const { stream, lines } = openScreen(120);
    const run = runOf([waveOf(1, "100 %", { done: 9, failed: 1, waiting: 90 })]);
    const reporter = terminalReporter(stream);
    reporter.progress(run);
    reporter.tenantFailed(run, result);
    expect(lines()[0]).to.equal(
      `  tenant_42 (acme): 0015_nicknames.sql, statement 2: 42701 column "nickname" of relation "customers" already exists`,
    );
    expect(lines()[1]).to.include("9/100 done, 1 failed");
  });

  it("never wraps", () => {
    const { stream, lines } = openScreen(40);
    terminalReporter(stream).progress(runOf([waveOf(1, "canary", { done: 50, failed: 1, busy: 7, waiting: 49 })]));
    expect(lines()[0]).to.have.length(39);
  });
});
