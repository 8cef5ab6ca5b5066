/** Input from outside: zod in, the platform's field errors out. */
import { z } from "zod";
import { AppError, type FieldError } from "./errors.ts";

/** Text that PostgreSQL can hold: no NUL; outer blanks are dropped, then `min` to `max` characters. */
export const text = (min: number, max: number) =>
  z
    .string()
    .trim()
    .min(min, min === 1 ? "must not be empty" : `needs at least ${min} characters`)
    .max(max, `takes at most ${max} characters`)
    .refine((value) => !value.includes("\0"), "must not contain NUL")
    .refine((value) => value.isWellFormed(), "must be well-formed Unicode");

/** What PostgreSQL takes for a uuid column, in its usual form. */
export const uuidPattern = /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

/** @throws AppError `invalid-request` naming every bad field by its JSON pointer. */
export const parseBody = <S extends z.ZodType>(schema: S, body: unknown): z.output<S> => parse(schema, body, "/");

/** The same for a query string; pointers read `#query/<name>`. */
export const parseQuery = <S extends z.ZodType>(schema: S, query: object): z.output<S> =>
  parse(schema, { ...query }, "#query/");

function parse<S extends z.ZodType>(schema: S, value: unknown, prefix: string): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const errors = result.error.issues.flatMap((issue) => toFieldErrors(issue, prefix));
  throw new AppError("invalid-request", "Correct the fields named in 'errors' and send the request again.", { errors });
}

/** A zod issue as JSON pointers behind `prefix`; an unknown key is one error for each key, pointing at the key. */
export function toFieldErrors(issue: z.core.$ZodIssue, prefix: string): FieldError[] {
  const pointer = (path: readonly PropertyKey[]) => {
    const escaped = path.map((part) => String(part).replaceAll("~", "~0").replaceAll("/", "~1"));
    return escaped.length === 0 && prefix === "/" ? "" : prefix + escaped.join("/");
  };
  if (issue.code === "unrecognized_keys")
    return issue.keys.map((key) => ({ pointer: pointer([...issue.path, key]), detail: "is not a known field" }));
  return [{ pointer: pointer(issue.path), detail: isMissing(issue) ? "is required" : issue.message }];
}

/** Zod's own words for a field that was not sent name JavaScript's `undefined`, which is nothing to a client. */
const isMissing = (issue: z.core.$ZodIssue): boolean =>
  issue.code === "invalid_type" && issue.input === undefined && issue.message.endsWith("received undefined");
