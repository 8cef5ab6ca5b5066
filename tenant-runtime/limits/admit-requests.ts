/** What a company may take of this process: so many requests a second, so many at once, so long for each. */
import type { RequestHandler, Response } from "express";
import { Counter, type Registry } from "prom-client";
import { runAsTenant } from "../../core/current-tenant.ts";
import { AppError } from "../../core/errors.ts";
import { answerErrors } from "../../core/http.ts";
import { answerProblem } from "../answer-problem.ts";
import type { TenancyContext } from "../context.ts";
import { createRequestMeter } from "../usage/request-meter.ts";
import { createRequestRate, type Taken } from "./request-rate.ts";
import { createSlowRefusals } from "./slow-refusals.ts";
import { createRunningRequests, type RunningRequest } from "./running-requests.ts";

/**
 * Lets a request through, or answers 429 `too-many-requests` or 503 `tenant-busy`: nothing waits here, waiting is done by
 * the database pool. A request without an answer after REQUEST_TIMEOUT_SECONDS gets 503; what it began goes on. When an
 * answer is out, it is counted for the company's bill.
 */
export function admitRequests(ctx: TenancyContext, registry: Registry): RequestHandler {
  const { config, log, fleetShare } = ctx;
  const answer = answerErrors(log, answerProblem);
  const count = createRequestMeter(ctx.usage);
  const rate = createRequestRate();
  const slowly = createSlowRefusals();
  const refused = refusalCounter(registry);
  const onLate = ({ req, next }: RunningRequest) => {
    const { res } = req;
    if (res === undefined || res.headersSent) return;
    refused.inc({ reason: "time" });
    // Not by next(): Express's own last resort would meet what the handler says later, and cut the connection.
    runAsTenant(req.tenant, () => void answer(tookTooLong(), req, res, next));
  };
  const running = createRunningRequests({ timeoutMs: config.REQUEST_TIMEOUT_SECONDS * 1000, onLate });
  /** The answer is out, or its client is gone. `on`, for that is said once, and `once` costs more than what is done. */
  const whenOver = (res: Response, companyId: number, admitted?: RunningRequest) =>
    res.on("close", () => {
      admitted?.leave();
      count(companyId, res);
    });
  return (req, res, next) => {
    const { id, terms } = req.tenant;
    const taken = rate.take(id, fleetShare.count(id, terms.requestsPerSecond));
    tellRate(res, taken);
    if (!taken.isAllowed) {
      refused.inc({ reason: "rate" });
      whenOver(res, id);
      slowly.refuse(id, { refuse: () => next(tooMany(taken)), drop: () => req.socket.destroy() });
      return;
    }
    const admitted = running.enter(req, next, terms.concurrentRequests);
    whenOver(res, id, admitted);
    if (admitted === undefined) {
      refused.inc({ reason: "concurrency" });
      throw busy();
    }
    req.admission = admitted;
    next();
  };
}

function refusalCounter(registry: Registry): Counter<"reason"> {
  const refused = new Counter({
    name: "secretaria_tenant_requests_limited_total",
    help: "Requests that a company's limits refused: too many a second (rate), too many at once (concurrency), no answer in time (time).",
    labelNames: ["reason"],
    registers: [registry],
  });
  for (const reason of ["rate", "concurrency", "time"] as const) refused.inc({ reason }, 0);
  return refused;
}

/** draft-ietf-httpapi-ratelimit-headers: quota of the window, what remains of it, seconds until all of it is back. */
function tellRate(res: Response, { quota, windowSeconds, remaining, fullInSeconds }: Taken): void {
  res.setHeader("RateLimit-Policy", `"default";q=${quota};w=${windowSeconds}`);
  res.setHeader("RateLimit", `"default";r=${remaining};t=${fullInSeconds}`);
}

const tooMany = ({ retryAfterSeconds }: Taken) =>
  new AppError("too-many-requests", "The company's plan allows fewer requests a second. Wait as Retry-After says.", {
    retryAfterSeconds,
  });

const busy = () =>
  new AppError("tenant-busy", "Let some of the company's running requests end, then try again.", {
    retryAfterSeconds: 1,
  });

const tookTooLong = () =>
  new AppError("service-unavailable", "The request took too long. Ask for less at once, or try again shortly.", {
    retryAfterSeconds: 5,
  });
