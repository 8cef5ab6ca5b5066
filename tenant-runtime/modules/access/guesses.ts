/**
 * Wrong passwords, counted in the company's own Redis namespace: all processes of the runtime share the count. Keys carry
 * keyed hashes, never an address or an e-mail.
 */
import { createHmac } from "node:crypto";
import { ipKeyGenerator } from "express-rate-limit";
import { AppError } from "../../../core/errors.ts";
import { guessKey } from "../../../core/tenant.ts";
import type { RuntimeContext } from "../../context.ts";

export interface Guess {
  readonly companyId: number;
  readonly email: string;
  readonly ip: string | undefined;
}

/** Within the window, from the first guess on. */
const limits = { email: 10, address: 30 } as const;
const windowSeconds = 15 * 60;

/** Counts both and answers, as [count, seconds left] each. A key without an end would lock somebody out for ever. */
const countScript = `
local answer = {}
for i, key in ipairs(KEYS) do
  answer[i * 2 - 1] = redis.call('INCR', key)
  if redis.call('TTL', key) < 0 then redis.call('EXPIRE', key, ARGV[1]) end
  answer[i * 2] = redis.call('TTL', key)
end
return answer`;

/** The e-mail's guesses are over; the address gets back the one that was right. */
const forgiveScript = `
redis.call('DEL', KEYS[1])
if redis.call('EXISTS', KEYS[2]) == 1 then redis.call('DECR', KEYS[2]) end`;

/**
 * Counts a guess before its password is looked at, so that guesses sent at once cannot pass together. Without Redis it
 * lets through: `slowGuessing` then holds each process to its own limit.
 * @throws AppError `too-many-requests`, the same for known and unknown e-mails.
 */
export async function countGuess(ctx: RuntimeContext, guess: Guess): Promise<void> {
  const reply = await runScript(ctx, countScript, guess);
  if (reply === undefined) return;
  const [ofEmail, emailSeconds, ofAddress, addressSeconds] = reply as [number, number, number, number];
  const waits = [ofEmail > limits.email ? emailSeconds : 0, ofAddress > limits.address ? addressSeconds : 0];
  const retryAfterSeconds = Math.max(...waits);
  if (retryAfterSeconds === 0) return;
  const message = "Wait before you try again, or ask somebody who manages people for a new password.";
  throw new AppError("too-many-requests", message, { retryAfterSeconds });
}

/** The password was right: the e-mail's count starts anew, the address keeps its wrong ones. */
export async function forgiveGuess(ctx: RuntimeContext, guess: Guess): Promise<void> {
  await runScript(ctx, forgiveScript, guess);
}

/** Undefined without Redis. A command to a server that is away would wait for it, and the person with it. */
async function runScript(ctx: RuntimeContext, script: string, guess: Guess): Promise<unknown> {
  if (ctx.redis.status !== "ready") return undefined;
  return ctx.redis.eval(script, 2, ...keysOf(ctx, guess), windowSeconds).catch((error: unknown) => {
    ctx.log.warn({ err: error }, "guesses are not counted by company now");
    return undefined;
  });
}

function keysOf({ secrets }: RuntimeContext, { companyId, email, ip }: Guess): [string, string] {
  const hash = (text: string) =>
    createHmac("sha256", secrets.derive(`guesses:${companyId}`))
      .update(text)
      .digest("base64url")
      .slice(0, 22);
  const address = hash(ipKeyGenerator(ip ?? ""));
  return [guessKey(companyId, "email", hash(email.toLowerCase())), guessKey(companyId, "address", address)];
}
