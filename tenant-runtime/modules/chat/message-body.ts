import express, { type RequestHandler } from "express";
import { z } from "zod";
import { AppError } from "../../../core/errors.ts";
import { bodyLimitBytes } from "../../../core/http.ts";
import { text } from "../../../core/validation.ts";

/** Line ends as the web sends them in forms become plain ones. */
export const messageBody = z.strictObject({
  text: z.preprocess((value) => (typeof value === "string" ? value.replaceAll("\r\n", "\n") : value), text(1, 2_000)),
});

/** A JSON body from the page's script, or a form's when there is no script; anything else is 415. */
export const readMessageBody: RequestHandler[] = [
  (req, _res, next) => {
    if (!req.is(["application/json", "application/x-www-form-urlencoded"]))
      throw new AppError("unsupported-media-type", 'Send the message as JSON { "text" } or as a form.');
    next();
  },
  express.json({ limit: bodyLimitBytes, strict: true }),
  // Never more parameters than bytes: the size limit alone decides.
  express.urlencoded({ extended: false, limit: bodyLimitBytes, parameterLimit: bodyLimitBytes }),
];
