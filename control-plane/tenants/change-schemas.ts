import { z } from "zod";
import { text } from "../../core/validation.ts";
import { operationSchema } from "./tenant-schemas.ts";

const reason = text(0, 500).optional().describe("Kept in the audit log");

/** No body at all is an empty one. */
const optionalBody = <S extends z.ZodType>(schema: S) => z.preprocess((body) => body ?? {}, schema);

export const reasonSchema = optionalBody(z.strictObject({ reason }));

export const deletionSchema = optionalBody(
  z.strictObject({
    confirm: z.string().max(64).optional().describe("The company's slug, as a safeguard"),
    reason,
  }),
);

export const changeSchema = z.object({ operation: operationSchema });
