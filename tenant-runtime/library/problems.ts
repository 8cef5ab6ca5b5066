import type { ErrorRequestHandler } from "express";
import { AppError, isServiceDown } from "../../core/errors.ts";
import { answerErrors, correlate } from "../../core/http.ts";
import type { Logger } from "../../core/logger.ts";

/** Answers what the library throws as problem+json; every other error is the app's own and goes on to its handlers. */
export function answerProblems(log: Logger): ErrorRequestHandler {
  const answer = answerErrors(log);
  return (error: unknown, req, res, next) => {
    if (!(error instanceof AppError) && !isServiceDown(error)) {
      next(error);
      return;
    }
    // The error may come from before `resolve`.
    if (req.correlationId === undefined) void correlate(req, res, () => undefined);
    void answer(error, req, res, next);
  };
}
