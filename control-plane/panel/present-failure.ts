/** What failed, in words. */
import type { Locale } from "./locale.ts";

/** Of a resource's view or row. */
interface Failed {
  readonly name: string;
  readonly error: { readonly code: string; readonly message: string } | null;
}

/** `detail` is the cause as the server tells it, where our words do not say what it is. */
export function presentFailure(locale: Locale, { name, error }: Failed) {
  const code = error?.code ?? "unexpected";
  const known = locale.find(`failure.${code}`);
  const message = known ?? locale.text(code.endsWith("-not-gone") ? "failure.not-gone" : "failure.unexpected");
  const isVague = known === undefined || code === "statement-refused";
  return { resource: locale.text(`resource.${name}`), message, detail: isVague ? error?.message : undefined };
}
