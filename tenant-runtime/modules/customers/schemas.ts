import { z } from "zod";
import { text } from "../../../core/validation.ts";
import { normalisePhone } from "./phone.ts";

const phone = text(1, 40).transform((typed, check) => {
  const number = normalisePhone(typed);
  if (number !== undefined) return number;
  check.addIssue({ code: "custom", message: "is not a phone number, e.g. (11) 98765-4321 or +5511987654321" });
  return z.NEVER;
});

const email = text(3, 254).regex(/^[^@\s]+@[^@\s]+$/, "is not an e-mail address");

/** CPF or CNPJ, with or without punctuation. */
const taxNumber = text(1, 20)
  .transform((typed) => typed.replace(/[\s./-]/g, ""))
  .refine((digits) => /^(\d{11}|\d{14})$/.test(digits), "must have the 11 digits of a CPF or the 14 of a CNPJ");

/** Flat on purpose: it is kept for the company's own programs, not searched. */
const metadata = z
  .record(text(1, 80), z.union([text(0, 1_000), z.number(), z.boolean(), z.null()]))
  .refine((record) => Object.keys(record).length <= 50, "takes at most 50 entries");

const fields = {
  name: text(1, 160),
  phone: phone.nullable().optional(),
  email: email.nullable().optional(),
  document: taxNumber.nullable().optional(),
  notes: text(0, 4_000).nullable().optional(),
  metadata: metadata.optional(),
};

export const newCustomer = z.strictObject(fields);
/** What is left out stays; null clears. */
export const customerChange = z.strictObject({ ...fields, name: fields.name.optional() });

export const listQuery = z.strictObject({
  search: text(0, 100).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z
    .string()
    .max(1_000)
    .transform((cursor, check) => {
      const place = readCursor(cursor);
      if (place !== undefined) return place;
      check.addIssue({ code: "custom", message: "is not a cursor of this list" });
      return z.NEVER;
    })
    .optional(),
});

export type CustomerInput = z.output<typeof customerChange>;
export type NewCustomer = z.output<typeof newCustomer>;

/** The place after which the next page starts. */
export interface Place {
  readonly sortName: string;
  readonly id: string;
}

export const writeCursor = ({ sortName, id }: Place): string =>
  Buffer.from(JSON.stringify([sortName, id])).toString("base64url");

const cursorShape = z.tuple([z.string().refine((value) => !value.includes("\0")), z.uuid()]);

function readCursor(cursor: string): Place | undefined {
  try {
    const [sortName, id] = cursorShape.parse(JSON.parse(Buffer.from(cursor, "base64url").toString("utf8")));
    return { sortName, id };
  } catch {
    return undefined;
  }
}
