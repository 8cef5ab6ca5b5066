import { z } from "zod";
import { operationSchema, resourceSchema, tenantSchema } from "../tenant-schemas.ts";

const instant = z.iso.datetime();

export const explanationSchema = z.object({
  status: tenantSchema.shape.status,
  desiredState: z.enum(["active", "suspended", "closed", "deleted", "rolled_back"]),
  summary: z.array(z.string()).describe("The same in sentences, the most important first"),
  blocking: z
    .array(
      z.object({
        resource: z.string(),
        status: resourceSchema.shape.status,
        waitsFor: z.array(z.string()).describe("Resources that have to be there, or gone, before"),
        attempts: z.int(),
        lastError: resourceSchema.shape.lastError.describe("What the other side said last"),
        nextAttemptAt: instant.nullable().describe("null: when what it waits for is there, or when a person asks"),
      }),
    )
    .describe("What is not where it should be, in the order in which it is made"),
  lease: z
    .object({ holder: z.string(), expiresAt: instant })
    .nullable()
    .describe("The process that is working on the company now"),
  operation: operationSchema.pick({ id: true, kind: true, status: true }).nullable().describe("The newest one"),
  inspection: z
    .object({
      inspectedAt: instant.nullable(),
      nextAt: instant,
      result: z.enum(["ok", "drifted", "unknown"]).nullable(),
      findings: z.array(
        z.object({
          resource: z.string(),
          state: z.enum(["absent", "drifted", "unknown"]),
          why: z.array(z.string()).describe("`+` is there and should not be, `-` should be there and is not"),
          action: z.enum(["healing", "reported"]),
        }),
      ),
    })
    .nullable()
    .describe("The last look at everything the company owns; null before it got its turn, and once it is closed"),
  purgeAfter: instant.nullable().describe("When a closed company is removed"),
});

export type Explanation = z.output<typeof explanationSchema>;
