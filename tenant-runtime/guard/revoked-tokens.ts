import { LRUCache } from "lru-cache";
import type { Knex } from "../../core/db.ts";

/** Whether a token was taken back, at most five seconds late. */
export type RevokedTokens = (jti: string) => Promise<boolean>;

export function createRevokedTokens(registry: Knex): RevokedTokens {
  const known = new LRUCache<string, boolean>({ max: 10_000, ttl: 5_000 });
  return async (jti) => {
    const cached = known.get(jti);
    if (cached !== undefined) return cached;
    const isRevoked = (await registry("revoked_tokens").where({ jti }).first("jti")) !== undefined;
    known.set(jti, isRevoked);
    return isRevoked;
  };
}
