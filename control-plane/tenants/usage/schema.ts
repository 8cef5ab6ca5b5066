import { z } from "zod";

const count = z.int();

const countsSchema = z.object({
  requests: count.describe("Requests that were answered; what limits refused and what failed on our side is left out"),
  rows: count.describe("Rows that the company's statements read or changed"),
  bytesIn: count,
  bytesOut: count,
  jobs: count.describe("Jobs done"),
  storageBytes: count.nullable().describe("In the database, measured once a day; in a sum the last measure"),
});

export const usageSchema = z.object({
  tenantId: z.int(),
  from: z.iso.date(),
  to: z.iso.date(),
  days: z
    .array(countsSchema.extend({ day: z.iso.date() }))
    .describe("UTC, oldest first; days without use are left out"),
  total: countsSchema,
  updatedAt: z.iso.datetime().nullable().describe("When the newest of these counts was collected"),
});

export type UsageReport = z.output<typeof usageSchema>;
