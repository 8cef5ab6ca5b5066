/** What is said between two neighbours only, and never passed on (RFC 9110, 7.6.1). */

const hopByHop = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
]);

export const isHopByHop = (name: string): boolean => hopByHop.has(name);

/** Headers that `Connection` declares to be of this hop. */
export const namedByConnection = (connection: string | undefined): ReadonlySet<string> =>
  new Set(
    (connection ?? "")
      .toLowerCase()
      .split(",")
      .map((name) => name.trim()),
  );
