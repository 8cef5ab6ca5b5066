/** The one reading of "which host is this for". Everything that compares hosts compares what comes out of here. */
import type { Request } from "express";
import { TLSSocket } from "node:tls";

const plainHostName = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/;
const loopbackHost = /^(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/i;
const loopbackAddress = /^(127\.\d+\.\d+\.\d+|::1|::ffff:127\.\d+\.\d+\.\d+)$/;

/** Lower case, without port and without one trailing dot; undefined for what is not a plain host name. */
export function normaliseHost(text: string): string | undefined {
  const host = text
    .toLowerCase()
    .replace(/:\d{0,5}$/, "")
    .replace(/\.$/, "");
  return plainHostName.test(host) ? host : undefined;
}

/**
 * The host that a request names, or undefined when it names none or leaves room for two readings: node keeps the first
 * of two Host headers where a proxy may have kept the last, and an absolute request target names a host of its own.
 */
export function requestedHost(req: Request): string | undefined {
  return isPlainRequest(req) ? normaliseHost(req.headers.host ?? "") : undefined;
}

/** The server name of the TLS handshake; undefined without TLS or when the client sent none. */
export function handshakeHost(req: Request): string | undefined {
  const name = req.socket instanceof TLSSocket ? (req.socket as { servername?: unknown }).servername : undefined;
  return typeof name === "string" && name !== "" ? name.toLowerCase() : undefined;
}

/** True for a request from this machine that names this machine. Neither alone is enough: a client writes the Host it likes. */
export function isFromLoopback(req: Request): boolean {
  return (
    isPlainRequest(req) &&
    loopbackHost.test(req.headers.host ?? "") &&
    loopbackAddress.test(req.socket.remoteAddress ?? "")
  );
}

function isPlainRequest(req: Request): boolean {
  const hostHeaders = req.rawHeaders.filter((text, i) => i % 2 === 0 && text.toLowerCase() === "host");
  return hostHeaders.length === 1 && req.originalUrl.startsWith("/");
}
