/** Delivers the outbox: at least once each, side by side with other control planes. */
import { ResourceError } from "../../core/errors.ts";
import type { ControlContext } from "../context.ts";
import { classifyFailure, type Failure } from "../lifecycle/retry.ts";
import { openMailTemplates, type MailTemplates } from "./mail-templates.ts";
import { createMailer, type Mailer } from "./mailer.ts";
import { claimDue, failRow, finishRow, type OutboxKind, type OutboxRow, type Outcome } from "./outbox-store.ts";
import { sendProvisioningEmail } from "./provisioning-email.ts";

/** Deliveries at once in one process: each is a connection to the mail server. */
const atOnce = 4;
/** How long a stopping process lets deliveries end before it cuts them off. */
const graceMs = 4_000;

/** What a delivery is given besides the context. */
export interface Post {
  readonly mailer: Mailer;
  readonly templates: MailTemplates;
  /** Aborted when the process cannot wait any longer. */
  readonly signal: AbortSignal;
}

type Delivery = (ctx: ControlContext, row: OutboxRow, post: Post) => Promise<Outcome>;

const deliveries: Readonly<Record<OutboxKind, Delivery>> = { "provisioning.email": sendProvisioningEmail };
const kinds = Object.keys(deliveries) as OutboxKind[];

export interface Outbox {
  /** Stops looking and waits for what is on its way, a few seconds at most. */
  close(): Promise<void>;
}

/** Looks for due rows half as often as the sweep does. @throws Error when a template is missing or broken. */
export function startOutbox(ctx: ControlContext): Outbox {
  const running = new Set<Promise<void>>();
  const cut = new AbortController();
  const post: Post = { mailer: createMailer(ctx), templates: openMailTemplates(), signal: cut.signal };
  let closed = false;
  let down = false;
  let looking: Promise<void> = Promise.resolve();

  const lookAgain = () => (looking = looking.then(look));
  const look = async () => {
    const limit = atOnce - running.size;
    if (closed || limit === 0) return;
    try {
      const rows = await claimDue(ctx.db, { kinds, limit });
      for (const row of rows) {
        const work = deliver(ctx, row, post).finally(() => {
          running.delete(work);
          // There may be more than could be taken at once.
          if (rows.length === limit) void lookAgain();
        });
        running.add(work);
      }
      down = false;
    } catch (error) {
      if (!down) ctx.log.warn({ err: error }, "the outbox cannot be read");
      down = true;
    }
  };
  const timer = setInterval(lookAgain, ctx.config.SWEEP_SECONDS * 2000);
  return {
    async close() {
      closed = true;
      clearInterval(timer);
      await looking;
      const patience = setTimeout(() => cut.abort(), graceMs);
      await Promise.all(running);
      clearTimeout(patience);
    },
  };
}

/** Never rejects: what went wrong is in the row, and a row that could not be written is due again when its claim ends. */
async function deliver(ctx: ControlContext, row: OutboxRow, post: Post): Promise<void> {
  const { id, kind, companyId } = row;
  try {
    const outcome = await deliveries[kind](ctx, row, post);
    ctx.mails.inc({ kind, result: outcome.result });
    await finishRow(ctx.db, row, outcome);
  } catch (error) {
    const failure = failureOf(error, row);
    const isLast = failure.delaySeconds === null;
    ctx.mails.inc({ kind, result: isLast ? "failed" : "deferred" });
    ctx.log.warn({ err: error, outboxId: id, kind, companyId, retry: failure.retry, isLast }, "a mail was not sent");
    await failRow(ctx.db, row, failure).catch((fault: unknown) =>
      ctx.log.warn({ err: fault, outboxId: id }, "the outbox cannot be written; the mail is tried again"),
    );
  }
}

function failureOf(error: unknown, row: OutboxRow): Failure {
  const failure = classifyFailure(error, row.attempts);
  if (failure.delaySeconds === null || !row.isOverdue) return failure;
  const last = new ResourceError("permanent", failure.code, `given up after five days: ${failure.message}`);
  return classifyFailure(last, row.attempts);
}
