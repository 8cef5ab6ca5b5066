import { rules, type Rule, type RuleCode } from "./rules.ts";

export interface LintFinding {
  readonly kind: "public" | "tenant";
  /** Relative to the working directory where it lies below it. */
  readonly file: string;
  readonly line: number;
  readonly level: Rule["level"];
  readonly code: RuleCode;
  /** What was found, and why it is bad. */
  readonly message: string;
  readonly instead: string;
}

/** `migrations/tenant/0015_x.sql:12 error destructive DROP COLUMN name: …; instead: …` */
export const renderFinding = ({ file, line, level, code, message, instead }: LintFinding): string =>
  `${file}:${line} ${level} ${code} ${message}; instead: ${instead}`;

export interface Place {
  readonly kind: LintFinding["kind"];
  readonly file: string;
  readonly line: number;
}

export const newFinding = (
  place: Place,
  { code, what, level = rules[code].level }: { code: RuleCode; what: string; level?: Rule["level"] | undefined },
): LintFinding => ({ ...place, level, code, message: `${what}: ${rules[code].why}`, instead: rules[code].instead });
