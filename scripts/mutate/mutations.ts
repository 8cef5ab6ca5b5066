/** One defect for each defence: were it real, at least one attack would have to get through. */
import { inConnections } from "./in-connections.ts";
import { inHosts } from "./in-hosts.ts";
import { inRedisAndJobs } from "./in-redis-and-jobs.ts";
import { inRequests } from "./in-requests.ts";
import { inScopes } from "./in-scopes.ts";
import { inStatements } from "./in-statements.ts";
import { inTokens } from "./in-tokens.ts";
import type { Mutation } from "./mutation.ts";

export const mutations: readonly Mutation[] = [
  ...inStatements,
  ...inScopes,
  ...inConnections,
  ...inTokens,
  ...inRequests,
  ...inHosts,
  ...inRedisAndJobs,
];
