/** All attacks there are. */
import type { Family } from "./attack.ts";
import { chatAttacks } from "./chat.ts";
import { connectionAttacks } from "./connections.ts";
import { grantAttacks } from "./grants.ts";
import { hostAttacks } from "./hosts.ts";
import { jobAttacks } from "./jobs.ts";
import { leftBehindAttacks } from "./left-behind.ts";
import { redisAttacks } from "./redis.ts";
import { registryAttacks } from "./registry.ts";
import { requestAttacks } from "./requests.ts";
import { scopeAttacks } from "./scopes.ts";
import { servingAttacks } from "./serving.ts";
import { signInAttacks } from "./sign-ins.ts";
import { sqlAttacks } from "./sql.ts";
import { tokenAttacks } from "./tokens.ts";
import { wholeStatementAttacks } from "./whole-statements.ts";

export const families: readonly Family[] = [
  { name: "sql", attacks: [...sqlAttacks, ...wholeStatementAttacks] },
  { name: "registry", attacks: registryAttacks },
  { name: "session", attacks: [...leftBehindAttacks, ...scopeAttacks, ...connectionAttacks] },
  { name: "tokens", attacks: [...tokenAttacks, ...signInAttacks] },
  { name: "requests", attacks: [...requestAttacks, ...chatAttacks, ...grantAttacks] },
  { name: "redis", attacks: redisAttacks },
  { name: "jobs", attacks: jobAttacks },
  { name: "hosts", attacks: [...hostAttacks, ...servingAttacks] },
];
