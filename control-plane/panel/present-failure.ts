/** What failed, in words. */
import type { Locale } from "./locale.ts";

/** Of a resource's view or row. */
interface Failed {
  readonly name: string;
  readonly error: { readonly code: string; readonly message: string } | null;
}

/** Codes whose text does not say what has to be mended: a right, a folder, a table. */
const vague: ReadonlySet<string> = new Set([
  "statement-refused",
  "archive-damaged",
  "archive-unreadable",
  "archive-not-importable",
  "archive-not-written",
  "export-refused",
  "import-refused",
]);

/** `detail` is the cause as the server tells it, where our words do not say what it is. */
export function presentFailure(locale: Locale, { name, error }: Failed) {
  const code = error?.code ?? "unexpected";
  const known = findFailureText(locale, code);
  const message = known ?? locale.text("failure.unexpected");
  const isVague = known === undefined || code.endsWith("-not-gone") || vague.has(code);
  return { resource: locale.text(`resource.${name}`), message, detail: isVague ? error?.message : undefined };
}

/** Undefined for a code of which the panel has no words. `<resource>-not-gone` is one for all resources. */
export const findFailureText = (locale: Locale, code: string): string | undefined =>
  locale.find(`failure.${code}`) ?? (code.endsWith("-not-gone") ? locale.find("failure.not-gone") : undefined);
