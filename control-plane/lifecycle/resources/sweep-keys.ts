import type { Redis } from "../../../core/redis.ts";

/** Removes every key that starts with `prefix` and answers how many are there afterwards. Does not block the server. */
export async function sweepKeys(redis: Redis, prefix: string): Promise<number> {
  const keys = await scanKeys(redis, prefix);
  for (let start = 0; start < keys.length; start += 500) await redis.unlink(...keys.slice(start, start + 500));
  return keys.length === 0 ? 0 : (await scanKeys(redis, prefix)).length;
}

async function scanKeys(redis: Redis, prefix: string): Promise<string[]> {
  const found = new Set<string>();
  // Glob characters of the prefix are escaped; braces are literal in Redis.
  const pattern = `${prefix.replace(/[*?[\]\\]/g, "\\$&")}*`;
  let cursor = "0";
  do {
    const [next, keys] = await redis.scan(cursor, "MATCH", pattern, "COUNT", 1000);
    cursor = next;
    for (const key of keys) found.add(key);
  } while (cursor !== "0");
  return [...found];
}
