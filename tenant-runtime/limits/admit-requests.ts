/** What a company may take of this process: so many requests a second, so many at once, so long for each. */
import type { Request, RequestHandler, Response } from "express";
import { Counter, type Registry } from "prom-client";
import { AppError } from "../../core/errors.ts";
import { answerErrors } from "../../core/http.ts";
import { answerProblem } from "../answer-problem.ts";
import type { TenancyContext } from "../context.ts";
import { createRequestRate, type Taken } from "./request-rate.ts";
import { createSlowRefusals } from "./slow-refusals.ts";
import { createRunningRequests } from "./running-requests.ts";

export interface Admission {
  /**
   * The answer goes on for as long as its client listens: from now on it is no running request, and may take any time.
   * For event streams, when nothing can refuse them any more. Safe to repeat.
   */
  letStream(): void;
}

declare global {
  namespace Express {
    interface Request {
      admission: Admission;
    }
  }
}

/**
 * Lets a request through, or answers 429 `too-many-requests` or 503 `tenant-busy`: nothing waits here, waiting is done by
 * the database pool. A request without an answer after REQUEST_TIMEOUT_SECONDS gets 503; what it began goes on.
 */
export function admitRequests({ config, log, fleetShare }: TenancyContext, registry: Registry): RequestHandler {
  const answer = answerErrors(log, answerProblem);
  const rate = createRequestRate();
  const running = createRunningRequests();
  const slowly = createSlowRefusals();
  const refused = refusalCounter(registry);
  const timeoutMs = config.REQUEST_TIMEOUT_SECONDS * 1000;
  return (req, res, next) => {
    const { id, terms } = req.tenant;
    const taken = rate.take(id, fleetShare.count(id, terms.requestsPerSecond));
    tellRate(res, taken);
    if (!taken.isAllowed) {
      refused.inc({ reason: "rate" });
      slowly.refuse(id, { refuse: () => next(tooMany(taken)), drop: () => req.socket.destroy() });
      return;
    }
    const place = running.enter(id, terms.concurrentRequests);
    if (place === undefined) {
      refused.inc({ reason: "concurrency" });
      throw busy();
    }
    const giveUp = () => {
      if (res.headersSent) return;
      refused.inc({ reason: "time" });
      // Not by next(): Express's own last resort would meet what the handler says later, and cut the connection.
      answer(tookTooLong(), req, res, next);
    };
    const timer = setTimeout(giveUp, timeoutMs);
    whenOver(req, res, () => {
      clearTimeout(timer);
      running.leave(place);
    });
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

/** Once: when the answer is out, its client is gone, or it became a stream. */
function whenOver(req: Request, res: Response, end: () => void): void {
  let isRunning = true;
  const endOnce = () => {
    if (isRunning) end();
    isRunning = false;
  };
  req.admission = { letStream: endOnce };
  res.once("close", endOnce);
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
