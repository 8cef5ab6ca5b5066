/** The form of a new migration: its fields, what the run is asked for by them, and back. */
import { runOptionsSchema, type RunOptions } from "../fleet/run-options.ts";
import type { Form } from "./form.ts";
import type { Problem } from "./problems.ts";

/** What the form shows at first: the product's defaults. */
export function initialForm(): Form {
  const { waves, canary, bakeSeconds, concurrency, onError, maxErrorRate, mode } = runOptionsSchema.parse({});
  return {
    to: "",
    mode,
    trickleSeconds: "",
    canary: canary ? "yes" : "no",
    waves: waves.join(", "),
    bakeSeconds: String(bakeSeconds),
    concurrency: String(concurrency),
    onError,
    maxErrorRate: String(maxErrorRate * 100),
  };
}

/** Either the options, or which fields are wrong. */
export function readRunForm(form: Form): { options: RunOptions } | { problems: Problem[] } {
  const parsed = runOptionsSchema.safeParse({
    ...(form["to"] ? { to: form["to"] } : {}),
    mode: form["mode"],
    ...(form["trickleSeconds"] ? { trickleSeconds: numberOf(form["trickleSeconds"]) } : {}),
    canary: form["canary"] === "yes",
    waves: (form["waves"] ?? "")
      .split(/[\s,;]+/)
      .filter((part) => part !== "")
      .map(Number),
    bakeSeconds: numberOf(form["bakeSeconds"]),
    concurrency: numberOf(form["concurrency"]),
    onError: form["onError"],
    maxErrorRate: numberOf(form["maxErrorRate"]) / 100,
  });
  if (parsed.success) return { options: parsed.data };
  const fields = [...new Set(parsed.error.issues.map((issue) => String(issue.path[0] ?? "form")))];
  return { problems: fields.map((field) => ({ field, kind: "invalid" })) };
}

/** As people write numbers: `2,5`. What is no number is refused by the schema. */
const numberOf = (text = ""): number => (text === "" ? Number.NaN : Number(text.replace(",", ".")));
