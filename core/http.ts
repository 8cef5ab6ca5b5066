/** What every HTTP server of the product shares: request ids, bodies, errors as problem+json (RFC 9457), listening. */
import { randomUUID } from "node:crypto";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import express, {
  type ErrorRequestHandler,
  type Express,
  type Request,
  type RequestHandler,
  type Response,
} from "express";
import { AppError, isServiceDown } from "./errors.ts";
import type { Logger } from "./logger.ts";

declare global {
  namespace Express {
    interface Request {
      /** From `X-Request-Id` when it looks like one, else made here; in every answer, log line and audit row. */
      correlationId: string;
    }
  }
}

export const bodyLimitBytes = 64 * 1024;

/** An Express app with nothing of Express's own on show. */
export function createApp(): Express {
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  app.set("query parser", "simple");
  return app;
}

export const correlate: RequestHandler = (req, res, next) => {
  const given = req.get("x-request-id");
  req.correlationId = given !== undefined && /^[\w.-]{8,64}$/.test(given) ? given : randomUUID();
  res.set("X-Request-Id", req.correlationId);
  next();
};

/** JSON bodies only, at most 64 KiB; a body of another type is 415 rather than silently empty. */
export const jsonBody: RequestHandler[] = [
  (req, _res, next) => {
    const hasBody = req.headers["transfer-encoding"] !== undefined || Number(req.headers["content-length"] ?? 0) > 0;
    if (hasBody && !req.is("application/json")) {
      throw new AppError("unsupported-media-type", "Send the body as JSON with 'Content-Type: application/json'.");
    }
    next();
  },
  express.json({ limit: bodyLimitBytes, strict: true }),
];

export const notFound: RequestHandler = (req) => {
  throw new AppError("not-found", `${req.method} ${req.path} is not part of this service.`);
};

/** How an error is written down for whoever asked. */
export type ErrorPresenter = (req: Request, res: Response, error: AppError) => void;

const asProblem: ErrorPresenter = (req, res, error) => sendProblem(res, error, req.correlationId);

/** The one place that turns errors into answers. What is not an AppError is ours: logged once, shown as 500 or 503. */
export function answerErrors(log: Logger, present: ErrorPresenter = asProblem): ErrorRequestHandler {
  return (error: unknown, req, res, _next) => {
    // The connection may serve another request by now: whoever is late, e.g. after a time limit, leaves it alone.
    if (res.writableEnded) {
      log.warn({ err: error, correlationId: req.correlationId }, "failed when the answer had gone out");
      return;
    }
    const known = toAppError(error);
    // A company over its limits is counted, see the metrics; a line for each refusal would let it fill the log.
    if (known.status >= 500 && known.code !== "tenant-busy")
      log.error({ err: error, correlationId: req.correlationId, method: req.method, path: req.path }, known.title);
    if (res.headersSent) {
      res.destroy();
      return;
    }
    present(req, res, known);
  };
}

/** Writes problem+json with `code`, `correlationId` and `errors`. */
export function sendProblem(res: Response, error: AppError, correlationId: string): void {
  if (error.retryAfterSeconds !== undefined) res.set("Retry-After", String(error.retryAfterSeconds));
  if (error.status === 401) res.set("WWW-Authenticate", "Bearer");
  res
    .status(error.status)
    .type("application/problem+json")
    .send(
      JSON.stringify({
        type: `https://secretaria.dev/problems/${error.code}`,
        title: error.title,
        status: error.status,
        detail: error.message,
        instance: error.instance,
        code: error.code,
        correlationId,
        errors: error.errors,
      }),
    );
}

function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (isServiceDown(error)) {
    return new AppError(
      "service-unavailable",
      "The database or cache does not answer now. Nothing was lost; try again shortly.",
      {
        retryAfterSeconds: 5,
        cause: error,
      },
    );
  }
  return (
    bodyParserError(error) ??
    new AppError("internal", "The fault was recorded under this correlationId.", { cause: error })
  );
}

function bodyParserError(error: unknown): AppError | undefined {
  const { type, status } = error as { type?: string; status?: number };
  if (type === "entity.too.large" || type === "parameters.too.many")
    return new AppError("body-too-large", `Send at most ${bodyLimitBytes} bytes.`);
  if (type === "encoding.unsupported" || type === "charset.unsupported") {
    return new AppError("unsupported-media-type", "Send the body as UTF-8 JSON without content encoding.");
  }
  if (type?.startsWith("entity.") || status === 400)
    return new AppError("malformed-json", "The body could not be read as JSON.");
  return undefined;
}

/** Listens and answers with the port in use. @throws the listen error, e.g. EADDRINUSE. */
export function listen(server: Server, port: number, address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, address, () => {
      server.off("error", reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

/** Stops accepting, lets running requests end for `graceMs`, then cuts what is left (event streams, idle sockets). */
export function closeServer(server: Server, graceMs = 2_000): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => server.closeAllConnections(), graceMs);
    server.close(() => {
      clearTimeout(cut);
      resolve();
    });
    server.closeIdleConnections();
  });
}
