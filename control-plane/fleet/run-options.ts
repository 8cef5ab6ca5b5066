import { z } from "zod";

/** How a run is asked for, on the command line as through the API; stored with the run. */
export const runOptionsSchema = z.strictObject({
  direction: z.enum(["up", "down"]).default("up").describe("`down` undoes; to `to`, or each tenant's last batch"),
  to: z
    .string()
    .optional()
    .describe(
      "Migration to arrive at, by file name or number; absent: the newest. A file of the product's leaves an importer's as they are; `0015+5003` says both, `0000` in a place none",
    ),
  mode: z
    .enum(["eager", "on-request"])
    .default("eager")
    .describe("`on-request`: after the canaries a tenant is migrated when somebody next asks for it"),
  trickleSeconds: z
    .number()
    .positive()
    .optional()
    .describe("`on-request`: each time this is over one more tenant is migrated unasked; absent: none is"),
  canary: z
    .boolean()
    .default(true)
    .describe("Schemas made ahead and tenants tagged as canaries go first, by themselves"),
  waves: z
    .array(z.number().positive().max(100))
    .min(1)
    .default([1, 10, 100])
    .refine((list) => list.every((percent, i) => percent > (list[i - 1] ?? 0)), "must grow")
    .transform((list) => (list.at(-1) === 100 ? list : [...list, 100]))
    .describe("Percent of the fleet that is done after each wave"),
  bakeSeconds: z.number().min(0).max(86_400).default(0).describe("How long a wave is watched before the next begins"),
  concurrency: z.number().int().min(1).max(64).default(4).describe("Tenants at once on one cluster, at most"),
  onError: z
    .enum(["pause", "continue"])
    .default("continue")
    .describe("`pause` stops at the first failure; `continue` at `maxErrorRate`. A canary's failure always pauses"),
  maxErrorRate: z
    .number()
    .min(0)
    .max(1)
    .default(0.05)
    .describe("Share of a wave's tenants that may fail before it pauses"),
  maxRuntimeErrorRate: z
    .number()
    .min(0)
    .max(1)
    .default(0.02)
    .describe("How much more of the runtimes' requests may end in 5xx than before a wave, before the run pauses"),
  lockTimeoutMs: z.number().int().min(10).max(60_000).default(2_000).describe("How long a busy tenant is kept waiting"),
  statementTimeoutMs: z.number().int().min(0).default(600_000).describe("What one statement may take; 0: any time"),
  busyMinutes: z
    .number()
    .min(0)
    .default(60)
    .describe("How long a busy tenant is tried again before it counts as failed"),
  tenants: z.array(z.number().int().positive()).optional().describe("Only these; absent: all that are behind"),
});

export type RunOptions = z.output<typeof runOptionsSchema>;
export type RunRequest = z.input<typeof runOptionsSchema>;
