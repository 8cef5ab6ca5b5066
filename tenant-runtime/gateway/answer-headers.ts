/** The head of a service's answer as the client gets it: it speaks for its path, not for the company's host. */
import type { IncomingHttpHeaders } from "node:http";
import { isHopByHop, namedByConnection } from "./hop-by-hop.ts";

const forTheHost =
  /^(strict-transport-security|alt-svc|public-key-pins.*|clear-site-data|server|x-powered-by|x-request-id|x-secretaria-.*|x-accel-.*|x-sendfile)$/;

/** @param keepAlive whether the client's connection stays open. */
export function answerHeaders(
  headers: IncomingHttpHeaders,
  { target, keepAlive }: { target: string; keepAlive: boolean },
): IncomingHttpHeaders {
  const named = namedByConnection(headers.connection);
  const kept = Object.entries(headers).filter(
    ([name]) => !isHopByHop(name) && !named.has(name) && !forTheHost.test(name),
  );
  const { "set-cookie": cookies, location, ...others } = Object.fromEntries(kept) as IncomingHttpHeaders;
  const own = cookies?.filter((cookie) => !/;\s*domain\s*=/i.test(cookie)) ?? [];
  return {
    ...others,
    ...(own.length > 0 ? { "set-cookie": own } : {}),
    ...(location === undefined ? {} : { location: withoutOrigin(location, new URL(target)) }),
    // The proxy would say 'keep-alive' also to a client that wants to close.
    connection: keepAlive ? "keep-alive" : "close",
  };
}

/** A redirect to the service itself stays on the company's host, and does not tell where the service is. */
function withoutOrigin(location: string, target: URL): string {
  if (!URL.canParse(location)) return location;
  const { origin, pathname, search, hash } = new URL(location);
  return origin === target.origin ? pathname + search + hash : location;
}
