import { z } from "zod";
import { text } from "../../core/validation.ts";
import { operationSchema } from "./tenant-schemas.ts";

/** No body at all is an empty one. */
export const deletionSchema = z.preprocess(
  (body) => body ?? {},
  z.strictObject({
    confirm: z.string().max(64).optional().describe("The company's slug, as a safeguard"),
    reason: text(0, 500).optional().describe("Kept in the audit log"),
  }),
);

export const changeSchema = z.object({ operation: operationSchema });
