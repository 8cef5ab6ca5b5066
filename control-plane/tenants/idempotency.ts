/** Idempotency keys: one key, one company, one answer, for 24 hours. */
import type { Knex } from "../../core/db.ts";
import { AppError, isUniqueViolation } from "../../core/errors.ts";
import { sha256Hex } from "../../core/secrets.ts";
import type { ControlContext } from "../context.ts";

export interface IdempotentRequest {
  readonly key: string;
  readonly requestedBy: string;
  readonly requestHash: string;
}

export interface StoredAnswer {
  readonly status: number;
  readonly location: string;
  readonly body: unknown;
}

/** What is known of a key: a finished answer, or a company whose first answer never went out. */
export type KnownRequest = KnownAnswer | { readonly companyId: number };

export interface KnownAnswer {
  readonly answer: StoredAnswer;
  readonly companyId: number | null;
}

/** @throws AppError `invalid-request` when the key is not 1 to 255 visible ASCII characters. */
export function readIdempotencyKey(
  header: string | undefined,
  request: { userId: number; body: unknown },
): IdempotentRequest | undefined {
  if (header === undefined) return undefined;
  if (!/^[\x21-\x7e]{1,255}$/.test(header)) {
    const errors = [{ pointer: "#header/Idempotency-Key", detail: "must be 1 to 255 visible ASCII characters" }];
    throw new AppError("invalid-request", "Send a UUID as Idempotency-Key.", { errors });
  }
  return { key: header, requestedBy: `user:${request.userId}`, requestHash: sha256Hex(canonicalJson(request.body)) };
}

/**
 * Looks a key up. Undefined: never seen. @throws AppError `idempotency-mismatch` for another body, and
 * `idempotency-in-progress` while the process that took the request still holds the company.
 */
export async function findKnownRequest(
  ctx: ControlContext,
  request: IdempotentRequest,
): Promise<KnownRequest | undefined> {
  const row = await ctx
    .db("idempotency_keys as k")
    .leftJoin("tenant_leases as l", "l.company_id", "k.company_id")
    .where({ key: request.key, requested_by: request.requestedBy })
    .where("k.expires_at", ">", ctx.db.fn.now())
    .first("k.*", ctx.db.raw("coalesce(l.expires_at > now(), false) AS held"));
  if (row === undefined) return undefined;
  if (row.request_hash !== request.requestHash) {
    throw new AppError("idempotency-mismatch", "Use a new key for another request, or send the first body again.");
  }
  if (row.answer_sealed !== null) {
    const answer = JSON.parse(ctx.secrets.open(row.answer_sealed, sealContext(request))) as StoredAnswer;
    return { answer, companyId: row.company_id };
  }
  if (row.held || row.company_id === null) throw inProgress();
  return { companyId: row.company_id };
}

/** Takes the key in the transaction that creates the company. @throws AppError `idempotency-in-progress` when it was taken first. */
export async function claimIdempotencyKey(db: Knex, request: IdempotentRequest): Promise<void> {
  const { key, requestedBy: requested_by, requestHash: request_hash } = request;
  await db("idempotency_keys").where({ key, requested_by }).where("expires_at", "<=", db.fn.now()).delete();
  try {
    await db("idempotency_keys").insert({ key, requested_by, request_hash });
  } catch (error) {
    throw isUniqueViolation(error) ? inProgress(error) : error;
  }
}

/** Keeps the answer for the next request with the key; sealed, because it carries the initial token. */
export async function storeAnswer(
  ctx: ControlContext,
  request: IdempotentRequest,
  answer: StoredAnswer,
): Promise<void> {
  await ctx
    .db("idempotency_keys")
    .where({ key: request.key, requested_by: request.requestedBy })
    .update({
      status_code: answer.status,
      answer_sealed: ctx.secrets.seal(JSON.stringify(answer), sealContext(request)),
    });
}

const sealContext = (request: IdempotentRequest): string => `idempotency:${request.requestedBy}:${request.key}`;

const inProgress = (cause?: unknown): AppError =>
  new AppError("idempotency-in-progress", "Wait for the first request's answer, then repeat to have it replayed.", {
    retryAfterSeconds: 1,
    cause,
  });

/** The same text for the same JSON value, whatever the order of its keys. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${canonicalJson(inner)}`).join(",")}}`;
}
