/** Passes a request on to a service and its answer back, both as they come. */
import type { Agent, ClientRequest, IncomingMessage } from "node:http";
import type { NextFunction, Request, RequestHandler, Response } from "express";
import { createProxyMiddleware } from "http-proxy-middleware";
import { AppError } from "../../core/errors.ts";
import type { GatewayRoute } from "../../core/gateway-routes.ts";
import type { RuntimeContext } from "../context.ts";
import { answerHeaders } from "./answer-headers.ts";
import { upstreamHeaders } from "./upstream-headers.ts";

/** One request that was passed on. */
interface Exchange {
  /** The request to the service, once it has a connection. */
  begin(upstream: ClientRequest): void;
  /** The service answers: from here on only a lost connection ends it. */
  answer(from: IncomingMessage): void;
  /** Tells the client, unless it has an answer already. */
  fail(error: AppError): void;
}

/**
 * Behind the guard. Answers `upstream-unavailable` and `upstream-timeout` as any error; an answer that breaks off is cut
 * off for the client too. A client that leaves takes its request to the service with it.
 */
export function forwardTo(ctx: RuntimeContext, route: GatewayRoute, agent: Agent): RequestHandler {
  const { target, timeoutMs } = route;
  const exchanges = new WeakMap<IncomingMessage, Exchange>();
  const proxy = createProxyMiddleware<Request, Response>({
    target,
    agent,
    on: {
      proxyReq: (upstream, req) => exchanges.get(req)?.begin(upstream),
      proxyRes: (from, req, res) => {
        from.headers = answerHeaders(from.headers, { target, keepAlive: res.shouldKeepAlive });
        exchanges.get(req)?.answer(from);
      },
      error: (cause, req) => exchanges.get(req)?.fail(unavailable(cause)),
    },
  });
  return (req, res, next) => {
    exchanges.set(req, openExchange(req, res, { next, timeoutMs }));
    // In place: a header that is only taken off the request to the service comes too late for 'Expect', and for the body.
    req.headers = upstreamHeaders(ctx.tokens, req, route);
    void proxy(req, res, next);
  };
}

function openExchange(
  req: Request,
  res: Response,
  { next, timeoutMs }: { next: NextFunction; timeoutMs: number },
): Exchange {
  let upstream: ClientRequest | undefined;
  let isOver = false;
  let isAnswered = false;
  const end = () => {
    isOver = true;
    clearTimeout(timer);
    upstream?.destroy();
  };
  const fail = (error: AppError) => {
    if (isOver || isAnswered) return;
    end();
    next(error);
  };
  const timer = setTimeout(() => fail(tooSlow()), timeoutMs);
  res.once("close", end);
  return {
    begin(started) {
      upstream = started;
      if (isOver) started.destroy();
      else req.on("data", () => void (isAnswered || timer.refresh()));
    },
    answer(from) {
      isAnswered = true;
      clearTimeout(timer);
      from.once("close", () => from.complete || res.destroy());
    },
    fail,
  };
}

const tooSlow = () => new AppError("upstream-timeout", "Try again in a moment. What was asked for may have been done.");

const unavailable = (cause: unknown) =>
  new AppError("upstream-unavailable", "Try again in a moment.", { cause, retryAfterSeconds: 5 });
