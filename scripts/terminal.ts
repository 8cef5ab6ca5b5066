import { z } from "zod";
import { withoutUrls } from "../core/logger.ts";

/** Says in a line what went wrong, without any secret, and ends the process. */
export function fail(error: unknown, exitCode: number): never {
  process.stderr.write(`${withoutUrls(explain(error))}\n`);
  process.exit(exitCode);
}

function explain(error: unknown): string {
  if (error instanceof z.ZodError)
    return error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`).join("\n");
  return error instanceof Error ? error.message : String(error);
}
