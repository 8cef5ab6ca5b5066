import { z } from "zod";
import { text } from "../../../core/validation.ts";
import { operationSchema } from "../tenant-schemas.ts";

const reason = text(0, 500).optional().describe("Kept in the audit log");

/** No body at all is an empty one. */
const optionalBody = <S extends z.ZodType>(schema: S) => z.preprocess((body) => body ?? {}, schema);

export const reasonSchema = optionalBody(z.strictObject({ reason }));

/** What DELETION_GRACE_DAYS may be at most, in ms. */
const longestKeep = 3650 * 86_400_000;
/** How far behind "now" may be, in ms: a slip of the pen must not remove a company today. */
const slowestClock = 3_600_000;

export const deletionSchema = z.strictObject({
  confirm: z.string("must be the company's slug").max(64).describe("The company's slug, as a safeguard"),
  reason: text(1, 500).describe("Kept in the audit log and in the deletion's manifest"),
  purgeAfter: z.iso
    .datetime({ offset: true, error: "must be a time such as 2027-01-31T12:00:00Z" })
    .refine((at) => !(Date.parse(at) > Date.now() + longestKeep), "must be within ten years")
    .refine(
      (at) => !(Date.parse(at) < Date.now() - slowestClock),
      "is over; to remove the company at once, send the time it is now",
    )
    .optional()
    .describe("Until when the company is kept, closed; now: removed at once. Absent: the platform's grace period"),
});

export const impersonationSchema = z.strictObject({
  reason: text(1, 500).describe("Kept in the audit log, and shown to the company"),
});

export const changeSchema = z.object({ operation: operationSchema });

export type StartedChange = z.output<typeof changeSchema>;
