/** `/v1/…` paths that services behind the runtime answer, for signed-in people of companies that have the module. */
import { Router, type Request, type RequestHandler } from "express";
import type { GatewayRoute } from "../../core/gateway-routes.ts";
import type { RuntimeContext } from "../context.ts";
import { requireModule } from "../guard/require-module.ts";
import { createAgents } from "./agents.ts";
import { forwardTo } from "./forward.ts";
import { listOwnPaths } from "./own-paths.ts";
import { covers, plainPath } from "./plain-path.ts";
import { refuseUnforwardable } from "./refuse-unforwardable.ts";

/** @param own the runtime's own routes, which no service may stand in for. @throws Error when one would. */
export function gatewayRoutes(ctx: RuntimeContext, guard: RequestHandler, own: Router): Router {
  const { GATEWAY_ROUTES: configured } = ctx.config;
  refuseShadows(configured, listOwnPaths(own));
  const agents = createAgents();
  const routes = configured
    .toSorted((a, b) => b.path.length - a.path.length)
    .map((route) => ({
      path: route.path,
      handle: Router().use(
        guard,
        requireModule(route.module),
        refuseUnforwardable,
        forwardTo(ctx, route, agents.agentFor(route)),
      ),
    }));
  return Router().use((req, res, next) => {
    const path = plainPath(req.url);
    const route = path === undefined ? undefined : routes.find((each) => covers(each.path, path));
    if (route === undefined) return next();
    countAs(req, `${route.path}/*`);
    return route.handle(req, res, next);
  });
}

/** `GET /.well-known/jwks.json`: with these anybody verifies what the runtime signs, and can sign nothing. */
export function publicKeyRoute({ tokens }: RuntimeContext): Router {
  return Router().get("/.well-known/jwks.json", (_req, res) => {
    res.set("Cache-Control", "public, max-age=300").json(tokens.publicKeys());
  });
}

function refuseShadows(routes: readonly GatewayRoute[], own: readonly string[]): void {
  const areaOf = (path: string) => path.toLowerCase().split("/").slice(0, 3).join("/");
  const areas = new Set(own.map(areaOf));
  const bad = routes.filter(({ path }) => areas.has(areaOf(path))).map(({ path }) => path);
  if (bad.length > 0) throw new Error(`GATEWAY_ROUTES: ${bad.join(", ")} is the runtime's own; choose another path`);
}

/** The pattern under which the request is counted: paths have no bound. */
const countAs = (req: Request, path: string): void => void Object.assign(req, { route: { path } });
