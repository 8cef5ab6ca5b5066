import type { Job } from "bullmq";
import { UnrecoverableError } from "bullmq";
import type { TenantJobs } from "../core/queues.ts";
import type { JobContext } from "./context.ts";
import { chatReply } from "./jobs/chat-reply.ts";

/** A job may run twice: a handler's effect must be the same then. */
type Handler<N extends keyof TenantJobs> = (ctx: JobContext, data: TenantJobs[N]) => Promise<void>;

const handlers: { readonly [N in keyof TenantJobs]: Handler<N> } = {
  "chat.reply": chatReply,
};

/** Runs one job for the tenant whose queue it came from. An unknown name fails for good; anything else is tried again. */
export async function runJob(ctx: JobContext, job: Job): Promise<void> {
  const handler = Object.hasOwn(handlers, job.name) ? handlers[job.name as keyof TenantJobs] : undefined;
  if (handler === undefined) throw new UnrecoverableError(`there is no job ${job.name}`);
  const log = ctx.log.child({ job: job.name, jobId: job.id });
  const started = performance.now();
  await handler({ ...ctx, log }, job.data);
  log.debug({ ms: Math.round(performance.now() - started) }, "job done");
}
