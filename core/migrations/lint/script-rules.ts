import { readFileSync } from "node:fs";
import type { FileHit } from "./folder-rules.ts";

/** Of code only the text can be looked at: new schemas run it inside the transaction that makes them. */
export function scriptHits(name: string, path: string): FileHit[] {
  const lines = readFileSync(path, "utf8").split("\n");
  return lines.flatMap((line, at) =>
    /\bCONCURRENTLY\b/i.test(line)
      ? [{ name, line: at + 1, code: "outside-transaction" as const, what: "CONCURRENTLY in a script" }]
      : [],
  );
}
