import { z } from "zod";

/** Every error's body (RFC 9457). */
export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    instance: z.string().optional(),
    code: z.string(),
    correlationId: z.string(),
    errors: z.array(z.object({ pointer: z.string(), detail: z.string() })),
  })
  .meta({ id: "Problem", description: "What went wrong (RFC 9457); `code` is stable, `detail` says what to do next." });

export type Problem = z.output<typeof problemSchema>;
