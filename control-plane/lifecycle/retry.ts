import { AppError, ResourceError, isServiceDown, reasonOf, type RetryClass } from "../../core/errors.ts";
import { withoutUrls } from "../../core/logger.ts";

export interface Failure {
  readonly retry: RetryClass;
  readonly code: string;
  readonly message: string;
  /** Seconds until the next attempt; null = a person decides. */
  readonly delaySeconds: number | null;
}

const longestDelay = 300;

/** Says of any error whether and when to try again. `attempt` counts from 1. Only messages, never values, are kept. */
export function classifyFailure(error: unknown, attempt: number, random: () => number = Math.random): Failure {
  const message = withoutUrls(reasonOf(error)).slice(0, 500);
  if (error instanceof ResourceError) {
    return { retry: error.retry, code: error.code, message, delaySeconds: delayFor(error, attempt, random) };
  }
  if (isHopeless(error)) return { retry: "permanent", code: "statement-refused", message, delaySeconds: null };
  const code = isServiceDown(error) ? "service-unavailable" : error instanceof AppError ? error.code : "unexpected";
  return { retry: "transient", code, message, delaySeconds: backOff(attempt, random) };
}

/** SQLSTATEs of a statement that will never be accepted: syntax, missing rights, what this server cannot do. */
function isHopeless(error: unknown): boolean {
  return ["42601", "42501", "0A000"].includes(String((error as { code?: unknown } | null)?.code));
}

function delayFor(error: ResourceError, attempt: number, random: () => number): number | null {
  if (error.retry === "permanent" || error.retry === "conflict") return null;
  if (error.retry === "rate-limited") return error.retryAfterSeconds ?? 60;
  if (error.retry === "needs-user") return error.retryAfterSeconds ?? 600;
  return error.retryAfterSeconds ?? backOff(attempt, random);
}

/** Doubles from one second to five minutes, each time between half and the whole of it. */
function backOff(attempt: number, random: () => number): number {
  const whole = Math.min(2 ** (attempt - 1), longestDelay);
  return whole * (0.5 + random() / 2);
}
