/** GATEWAY_ROUTES: which paths of the tenants' API are answered by which service behind it. */
import { z } from "zod";

const route = z.strictObject({
  /** What the company's plan must have. */
  module: z.string().regex(/^[a-z][a-z0-9-]{1,30}$/, "must be a module's code such as whatsapp"),
  /** With everything below it; of several that fit the longest counts. */
  path: z
    .string()
    .regex(/^\/v1(\/[a-z0-9-]+)+$/, "must be /v1/ and names of a-z, 0-9 and hyphens, such as /v1/whatsapp"),
  /** Where the service listens. A path in it is put in front of the request's. */
  target: z.string().refine(isPlainUrl, "must be http:// or https:// without user, query and fragment"),
  /** To connect, to take each piece of the body, and to begin the answer; an answer that has begun may take its time. */
  timeoutMs: z.int().min(10).max(600_000).default(10_000),
  /** To this service from one process; further requests wait. */
  maxConnections: z.int().min(1).max(10_000).default(64),
  /** Passes the person's access token on. The service can then do all that the person can. */
  passAuthorization: z.boolean().default(false),
});

export type GatewayRoute = Readonly<z.output<typeof route>>;

export const gatewayRoutes = z.string().transform(parseJson).pipe(z.array(route).superRefine(refuseTwins));

function parseJson(text: string, check: z.core.$RefinementCtx<string>): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    check.addIssue({ code: "custom", message: "must be a JSON array" });
    return z.NEVER;
  }
}

function refuseTwins(routes: GatewayRoute[], check: z.core.$RefinementCtx): void {
  routes.forEach(({ path }, i) => {
    if (routes.findIndex((other) => other.path === path) < i)
      check.addIssue({ code: "custom", path: [i, "path"], message: "is there twice" });
  });
}

function isPlainUrl(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) return false;
  return url.username + url.password + url.search + url.hash === "";
}
