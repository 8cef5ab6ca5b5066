/** What a company's Redis user may do, and its jobs. */
import type { Mutation } from "./mutation.ts";

const cache = "control-plane/lifecycle/resources/cache.ts";

export const inRedisAndJobs: readonly Mutation[] = [
  {
    name: "all keys",
    defence: "keys of a Redis user",
    family: "redis",
    file: cache,
    from: '`~${redisNamespace(companyId)}*`,\n    "resetchannels"',
    to: '"~*",\n    "resetchannels"',
  },
  {
    name: "all commands",
    defence: "commands of a Redis user",
    family: "redis",
    file: cache,
    from: '"+@read +@write +@connection +@scripting +@blocking +@transaction -@dangerous +info"',
    to: '"+@all allchannels"',
  },
  {
    name: "commands that know no keys",
    defence: "commands that see all keys",
    family: "redis",
    file: cache,
    from: '"-scan -randomkey -dbsize -select -script|flush -script|kill -function"',
    to: '"-flushall"',
  },
  {
    name: "one password for all",
    defence: "a password for each Redis user",
    family: "redis",
    file: "core/tenant-secrets.ts",
    from: "secrets.derive(`redis:${redisUser(companyId)}`)",
    to: "secrets.derive(`redis:${redisUser(companyId).slice(0, 6)}`)",
  },
  {
    name: "a job's data name the company",
    defence: "a job's company is its queue's",
    family: "jobs",
    file: "workers/tenant-worker.ts",
    from: "return runJob({ tenant, ...handle, redis, log }, taken);",
    to: "return runJob({ tenant, ...(taken.data.tenant?.uuid ? ctx.tenants.forTenant(taken.data.tenant) : handle), redis, log }, taken);",
  },
  {
    name: "a message of any conversation",
    defence: "a job's data are looked up",
    family: "jobs",
    file: "workers/jobs/chat-reply.ts",
    from: "{ id: messageId, conversation_id: conversationId }",
    to: "{ id: messageId }",
  },
  {
    name: "what every object has is a job",
    defence: "jobs by their own names",
    family: "jobs",
    file: "workers/run-job.ts",
    from: "Object.hasOwn(handlers, job.name)",
    to: "job.name in handlers",
  },
  {
    name: "data are taken as they come",
    defence: "a job's data are checked",
    family: "jobs",
    file: "workers/jobs/chat-reply.ts",
    from: "const parsed = dataSchema.safeParse(data);",
    to: "const parsed = { success: true, data: data as z.infer<typeof dataSchema> };",
  },
];
