/** What is wrong with a form, field by field, in the person's language. */
import type { z } from "zod";
import type { AppError } from "../../core/errors.ts";
import { slugPattern } from "../../core/tenant.ts";
import type { Form } from "./form.ts";
import type { Locale } from "./locale.ts";

export interface Problem {
  /** Name of the form's field; nested ones with a hyphen: `owner-email`. */
  readonly field: string;
  /** With the form and the field the text's key: `new.slug.taken`. */
  readonly kind: string;
  /** What the text needs filled in. */
  readonly values?: Readonly<Record<string, string>>;
}

export interface PresentedProblems {
  readonly errors: Readonly<Record<string, string>>;
  readonly summary: readonly { readonly field: string; readonly text: string }[];
  /** The field to start at. */
  readonly first: string | undefined;
}

/** One problem for each field that a schema refused, in the order of the form. */
export function problemsOf(error: z.ZodError, form: Form): Problem[] {
  const refused = new Set(error.issues.map((issue) => issue.path.join("-")));
  const order = Object.keys(form);
  const fields = [...refused].toSorted((a, b) => order.indexOf(a) - order.indexOf(b));
  return fields.map((field) => ({ field, kind: kindOf(field, form[field] ?? "") }));
}

/** The fields that an error of the product points at; empty when it is not about a field. */
export function problemsOfError(error: AppError): Problem[] {
  return error.errors.map(({ pointer }) => ({
    field: pointer.replace(/^\//, "").replaceAll("/", "-"),
    kind: error.code,
  }));
}

/** Texts by field for the template, and the list above the form. */
export function presentProblems(locale: Locale, form: string, problems: readonly Problem[]): PresentedProblems {
  const summary = problems.map(({ field, kind, values }) => {
    const key = `${form}.${field}.${kind}`;
    return { field, text: locale.text(locale.find(key) === undefined ? "problem.other.help" : key, values) };
  });
  return {
    summary,
    errors: Object.fromEntries(summary.map(({ field, text }) => [field, text])),
    first: problems[0]?.field,
  };
}

function kindOf(field: string, value: string): string {
  if (value === "") return "missing";
  return field === "slug" && slugPattern.test(value) ? "reserved" : "invalid";
}
