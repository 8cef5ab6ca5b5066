/** All attacks there are. */
import type { Family } from "./attack.ts";
import { hostAttacks } from "./hosts.ts";
import { jobAttacks } from "./jobs.ts";
import { redisAttacks } from "./redis.ts";
import { requestAttacks } from "./requests.ts";
import { sessionAttacks } from "./session.ts";
import { sqlAttacks } from "./sql.ts";
import { tokenAttacks } from "./tokens.ts";

export const families: readonly Family[] = [
  { name: "sql", attacks: sqlAttacks },
  { name: "session", attacks: sessionAttacks },
  { name: "tokens", attacks: tokenAttacks },
  { name: "requests", attacks: requestAttacks },
  { name: "redis", attacks: redisAttacks },
  { name: "jobs", attacks: jobAttacks },
  { name: "hosts", attacks: hostAttacks },
];
