import { LRUCache } from "lru-cache";
import type { Knex } from "../../core/db.ts";
import { isServiceDown } from "../../core/errors.ts";
import { registryPatienceMs } from "../../core/registry.ts";

/**
 * Whether a token was taken back, at most five seconds late. @throws what the registry throws for a token that was
 * never asked about.
 */
export type RevokedTokens = (jti: string) => Promise<boolean>;

interface Answer {
  readonly isRevoked: boolean;
  readonly askedAt: number;
}

const ttlMs = 5_000;

/**
 * While the registry does not answer, a token that was good before stays good for `staleMs`: its session is asked about
 * in the tenant's own database each time, and the registry's list only holds tokens of companies that were removed. A
 * token that was never seen is not believed.
 */
export function createRevokedTokens(registry: Knex, staleMs: number): RevokedTokens {
  const known = new LRUCache<string, Answer>({ max: 10_000, ttl: ttlMs + staleMs });
  const ask = async (jti: string): Promise<boolean> => {
    const askedAt = performance.now();
    const row = await registry("revoked_tokens").where({ jti }).first("jti").timeout(registryPatienceMs);
    const isRevoked = row !== undefined;
    known.set(jti, { isRevoked, askedAt });
    return isRevoked;
  };
  return async (jti) => {
    const before = known.get(jti);
    if (before !== undefined && performance.now() - before.askedAt < ttlMs) return before.isRevoked;
    try {
      return await ask(jti);
    } catch (error) {
      if (before === undefined || !isServiceDown(error)) throw error;
      return before.isRevoked;
    }
  };
}
