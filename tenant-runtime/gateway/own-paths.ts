import type { IRouter } from "express";

interface Layer {
  readonly route?: { readonly path: string | RegExp | readonly string[] } | undefined;
  readonly handle: unknown;
}

/** Patterns of all routes of the router and of those inside it. Routers mounted under a path are not looked for there. */
export function listOwnPaths(router: IRouter): string[] {
  return (router.stack as Layer[]).flatMap(({ route, handle }) => {
    if (route !== undefined) return [route.path].flat().map(String);
    return isRouter(handle) ? listOwnPaths(handle) : [];
  });
}

const isRouter = (handle: unknown): handle is IRouter =>
  typeof handle === "function" && Array.isArray((handle as { stack?: unknown }).stack);
