/** Every error the product can answer: code, HTTP status, title. The code is a promise to clients. */

const catalogue = {
  "invalid-request": { status: 422, title: "The request has fields that are not valid" },
  "malformed-json": { status: 400, title: "The body is not JSON" },
  "unsupported-media-type": { status: 415, title: "The body must be application/json" },
  "body-too-large": { status: 413, title: "The body is too large" },
  "not-authenticated": { status: 401, title: "Sign in first" },
  "invalid-credentials": { status: 401, title: "E-mail or password is not right" },
  "token-invalid": { status: 401, title: "The token is not valid here" },
  "link-invalid": { status: 401, title: "The link is not valid any more" },
  "not-allowed": { status: 403, title: "You may not do this" },
  "tenant-mismatch": { status: 403, title: "The token belongs to another company" },
  "module-not-in-plan": { status: 403, title: "The company's plan does not have this module" },
  "plan-limit-reached": { status: 403, title: "The company's plan allows no more of these" },
  "statement-not-allowed": { status: 403, title: "A tenant's handle does not run this kind of statement" },
  "tenant-suspended": { status: 403, title: "The company is suspended" },
  "tenant-deleted": { status: 410, title: "The company was deleted" },
  "host-unknown": { status: 404, title: "No company answers on this host" },
  "host-mismatch": { status: 421, title: "The host is not the one the connection was made for" },
  "not-found": { status: 404, title: "There is nothing at this address" },
  "method-not-allowed": { status: 405, title: "This address does not take that method" },
  "tenant-not-found": { status: 404, title: "There is no such company" },
  "operation-not-found": { status: 404, title: "There is no such operation" },
  "run-not-found": { status: 404, title: "There is no such migration run" },
  "run-open": { status: 409, title: "A migration run is open" },
  "history-edited": { status: 409, title: "A migration is not any more what was applied" },
  "nothing-to-do": { status: 409, title: "There is nothing to do" },
  "slug-taken": { status: 409, title: "The slug is taken" },
  "domain-taken": { status: 409, title: "The domain is taken" },
  "host-taken": { status: 409, title: "The host is taken" },
  "plan-exists": { status: 409, title: "The plan exists with other terms" },
  "plan-unknown": { status: 422, title: "There is no such plan" },
  "already-exists": { status: 409, title: "It exists already" },
  "state-conflict": { status: 409, title: "The state does not allow this" },
  "provisioning-failed": { status: 502, title: "The company could not be made" },
  "idempotency-in-progress": { status: 409, title: "The first request with this key is still running" },
  "idempotency-mismatch": { status: 422, title: "The key was used with another request" },
  "contract-too-early": { status: 409, title: "Something still needs what the migration takes away" },
  "too-many-requests": { status: 429, title: "Too many requests" },
  "tenant-busy": { status: 503, title: "The company uses all that it may use at once" },
  "upstream-unavailable": { status: 502, title: "The service behind this address does not answer" },
  "upstream-timeout": { status: 504, title: "The service behind this address took too long" },
  "service-unavailable": { status: 503, title: "A service behind this one does not answer" },
  internal: { status: 500, title: "Something went wrong on our side" },
} as const satisfies Record<string, { status: number; title: string }>;

export type ErrorCode = keyof typeof catalogue;

/** One field's problem; `pointer` is a JSON pointer into the body (RFC 6901), or `#query/<name>`, `#header/<name>`. */
export interface FieldError {
  readonly pointer: string;
  readonly detail: string;
}

export interface AppErrorOptions {
  readonly errors?: readonly FieldError[];
  readonly retryAfterSeconds?: number;
  /** Where the whole story of this occurrence is (RFC 9457, 3.1.5). */
  readonly instance?: string;
  readonly cause?: unknown;
}

/** An answer to a client. `message` says what to do next and never carries a secret. */
export class AppError extends Error {
  override readonly name = "AppError";
  readonly code: ErrorCode;
  readonly errors: readonly FieldError[];
  readonly retryAfterSeconds: number | undefined;
  readonly instance: string | undefined;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.code = code;
    this.errors = options.errors ?? [];
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.instance = options.instance;
  }

  get status(): number {
    return catalogue[this.code].status;
  }

  get title(): string {
    return catalogue[this.code].title;
  }
}

/** Whether trying again helps: see docs/ARCHITECTURE.md, "Errors of resources". */
export type RetryClass = "transient" | "rate-limited" | "needs-user" | "permanent" | "conflict";

/** What a resource throws when it cannot be made or removed now. */
export class ResourceError extends Error {
  override readonly name = "ResourceError";
  readonly retry: RetryClass;
  readonly code: string;
  readonly retryAfterSeconds: number | undefined;

  constructor(retry: RetryClass, code: string, message: string, options: AppErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.retry = retry;
    this.code = code;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

const connectionCodes = new Set(["ECONNREFUSED", "ECONNRESET", "EPIPE", "ETIMEDOUT", "ENOTFOUND", "EAI_AGAIN"]);

/** True for an error that says "PostgreSQL or Redis is not there now", which passes by itself. */
export function isServiceDown(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = (error as { code?: unknown }).code;
  if (typeof code === "string") {
    // SQLSTATE classes 08 (connection), 53 (resources), 57P (operator intervention: shutting down, starting up), and 25P03:
    // the server ended a transaction, with its connection, that waited too long for this program.
    if (connectionCodes.has(code) || /^(08|53|57P|25P03)/.test(code)) return true;
  }
  if (error instanceof AggregateError) return error.errors.some(isServiceDown);
  return /Connection terminated|Timeout acquiring a connection|timeout exceeded when trying to connect|timeout expired|Connection is closed|max retries per request|Command timed out|Unable to acquire a connection|LOADING Redis|Stream isn't writeable|is not queryable|connection ended unexpectedly|Defined query timeout/i.test(
    error.message,
  );
}

/** SQLSTATE 23505 on the named constraint or index, or on any when none is named. */
export function isUniqueViolation(error: unknown, constraint?: string): boolean {
  const e = error as { code?: unknown; constraint?: unknown } | null;
  return e?.code === "23505" && (constraint === undefined || e.constraint === constraint);
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** What went wrong, without the SQL text: Knex puts the whole statement, literals and all, in front of the server's words. */
export function reasonOf(error: unknown): string {
  const message = messageOf(error);
  const isFromServer = /^[0-9A-Z]{5}$/.test(String((error as { code?: unknown } | null)?.code));
  return isFromServer ? message.slice(message.lastIndexOf(" - ") + 1).replace(/^- /, "") : message;
}
