/** Runs as clients see them: the API's answers, its event stream, and the command line's JSON. */
import { z } from "zod";

const moment = z.iso.datetime();
const counts = {
  tenants: z.int(),
  done: z.int(),
  failed: z.int(),
  skipped: z.int().describe("Were there already, or went meanwhile"),
  waiting: z.int(),
  busy: z.int().describe("Of those waiting: were tried, and somebody was at work in them"),
};

export const runStatuses = z.enum(["running", "paused", "aborted", "failed", "succeeded"]);
export const resultStatuses = z.enum(["waiting", "done", "failed", "skipped"]);

const waveSchema = z.object({
  number: z.int(),
  name: z.string().describe("`canary`, or the share of the fleet that is done after it: `10 %`"),
  status: z.enum(["waiting", "running", "baking", "done"]),
  startedAt: moment.nullable(),
  bakeUntil: moment.nullable().describe("Until when the wave is watched before the next begins"),
  finishedAt: moment.nullable(),
  ...counts,
});

export const runSummarySchema = z.object({
  id: z.uuid(),
  direction: z.enum(["up", "down"]),
  target: z.string().nullable().describe("Version to arrive at; null: each tenant undoes its own last batch"),
  mode: z.enum(["eager", "on-request"]),
  status: runStatuses,
  wave: z.int().describe("Number of the wave that is at work"),
  pauseReason: z.string().nullable(),
  requestedBy: z.string().describe("`user:<id>`, or `cli:<login>`"),
  coordinator: z.string().nullable().describe("Process that drives the run"),
  options: z.record(z.string(), z.unknown()).describe("What it was asked for, defaults filled in"),
  createdAt: moment,
  finishedAt: moment.nullable(),
});

export const runSchema = runSummarySchema.extend({ ...counts, waves: z.array(waveSchema) });

export const planSchema = z.object({
  direction: z.enum(["up", "down"]),
  target: z.string().nullable(),
  files: z.array(z.string()).describe("What some tenant lacks, or has to undo, in the order it runs"),
  from: z.array(z.object({ version: z.string(), tenants: z.int() })).describe("What is to change"),
  waves: z.array(z.object({ number: z.int(), name: z.string(), tenants: z.int() })),
  tenants: z.int(),
  newer: z.int().describe("Made by a newer release: they are left alone"),
  sql: z.string().describe("What would be sent to a schema that lacks all of it, and what it locks"),
});

export const resultSchema = z.object({
  tenantId: z.int(),
  slug: z.string().nullable().describe("Null: a schema made ahead, or one that went"),
  wave: z.int(),
  status: resultStatuses,
  fromVersion: z.string(),
  toVersion: z.string().nullable(),
  attempts: z.int(),
  nextAttemptAt: moment.nullable().describe("When a tenant that was busy is tried again"),
  durationMs: z.number().nullable(),
  error: z
    .object({
      code: z.string().describe("SQLSTATE where PostgreSQL said it, else a word such as `busy`"),
      message: z.string(),
      migration: z.string().optional(),
      statement: z.int().optional().describe("Number of the statement in the file, from 1"),
      sql: z.string().optional().describe("How the statement begins"),
      position: z.int().optional().describe("Character of the statement, from 1"),
      detail: z.string().optional(),
    })
    .nullable(),
  finishedAt: moment.nullable(),
});

export type RunJson = z.output<typeof runSchema>;
export type RunSummaryJson = z.output<typeof runSummarySchema>;
export type ResultJson = z.output<typeof resultSchema>;
export type RunCounts = Pick<RunJson, keyof typeof counts>;
