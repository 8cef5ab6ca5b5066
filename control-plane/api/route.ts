/** A route of the API as data: what it takes, what it answers, what it does. Validation and OpenAPI both come from it. */
import type { Request, Response, Router } from "express";
import type { z } from "zod";
import { AppError, type FieldError } from "../../core/errors.ts";
import { jsonBody } from "../../core/http.ts";
import { toFieldErrors } from "../../core/validation.ts";
import { requireUser, type Actor, type Role } from "../accounts/authenticate.ts";
import type { ControlContext } from "../context.ts";

type Schema = z.ZodType;
type Parsed<S> = S extends Schema ? z.output<S> : undefined;

export interface RouteInput<P, Q, B> {
  readonly params: Parsed<P>;
  readonly query: Parsed<Q>;
  readonly body: Parsed<B>;
  readonly req: Request;
  readonly res: Response;
  /** Who asks; only on routes with `auth: "user"`. */
  readonly actor: Actor;
}

export interface Route {
  readonly method: "get" | "post" | "put" | "patch" | "delete";
  /** Express path, e.g. `/api/tenants/:id`. */
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  readonly auth: "none" | "user";
  /** Least role that may ask; absent: viewer to read, operator to change. */
  readonly role?: Role;
  readonly params?: Schema;
  readonly query?: Schema;
  readonly body?: Schema;
  readonly headers?: Readonly<Record<string, string>>;
  /** Status → what the answer is; a schema where there is a JSON body. */
  readonly answers: Readonly<
    Record<number, { readonly description: string; readonly schema?: Schema; readonly type?: string }>
  >;
  readonly handle: (ctx: ControlContext, input: never) => Promise<void> | void;
}

/** Types the handler from the route's own schemas. */
export function defineRoute<P = undefined, Q = undefined, B = undefined>(
  route: Omit<Route, "handle" | "params" | "query" | "body"> & {
    readonly params?: P & Schema;
    readonly query?: Q & Schema;
    readonly body?: B & Schema;
    readonly handle: (ctx: ControlContext, input: RouteInput<P, Q, B>) => Promise<void> | void;
  },
): Route {
  return route;
}

/** Mounts routes: who asks is checked before the body is read, the body before the handler runs. */
export function mountRoutes(router: Router, ctx: ControlContext, routes: readonly Route[]): void {
  for (const route of routes) {
    const guard = route.auth === "user" ? [requireUser(ctx, leastRole(route))] : [];
    const body = route.body === undefined ? [] : jsonBody;
    router[route.method](route.path, ...guard, ...body, async (req: Request, res: Response) => {
      await route.handle(ctx, { ...parseInput(route, req), req, res, actor: req.actor } as never);
    });
  }
}

/** A form sends its empty fields too: an empty value is none. */
const givenQuery = (req: Request) => Object.fromEntries(Object.entries(req.query).filter(([, value]) => value !== ""));

const leastRole = (route: Route): Role => route.role ?? (route.method === "get" ? "viewer" : "operator");

function parseInput(route: Route, req: Request): { params: unknown; query: unknown; body: unknown } {
  const errors: FieldError[] = [];
  const read = (schema: Schema | undefined, value: unknown, prefix: string) => {
    if (schema === undefined) return undefined;
    const result = schema.safeParse(value);
    if (result.success) return result.data;
    errors.push(...result.error.issues.flatMap((issue) => toFieldErrors(issue, prefix)));
    return undefined;
  };
  const input = {
    params: read(route.params, req.params, "#path/"),
    query: read(route.query, givenQuery(req), "#query/"),
    body: read(route.body, req.body, "/"),
  };
  if (errors.length > 0)
    throw new AppError("invalid-request", "Correct the fields named in 'errors' and send the request again.", {
      errors,
    });
  return input;
}
