/** The one reading of "which host is this for". Everything that compares hosts compares what comes out of here. */
import { TLSSocket } from "node:tls";
import { domainToASCII } from "node:url";
import type { Request } from "express";

const plainHostName = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/;
const loopbackHost = /^(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/i;
const loopbackAddress = /^(127\.\d+\.\d+\.\d+|::1|::ffff:127\.\d+\.\d+\.\d+)$/;
const forwardingHeader = /^(forwarded|via|x-forwarded-.*|x-real-ip)$/;

/**
 * Lower case, without port and without one trailing dot, U-labels as A-labels; undefined for what is not a plain host
 * name. @param text as node gives a header: one character a byte.
 */
export function normaliseHost(text: string): string | undefined {
  const name = text.replace(/:\d{0,5}$/, "");
  const ascii = /^[ -~]*$/.test(name) ? name.toLowerCase() : aLabels(name);
  const host = ascii.replace(/\.$/, "");
  return plainHostName.test(host) ? host : undefined;
}

/**
 * The host that a request names, or undefined when it names none or leaves room for two readings: node keeps the first
 * of two Host headers where a proxy may have kept the last, an absolute request target names a host of its own, and of
 * several forwarded hosts nobody knows which proxy wrote which.
 */
export function requestedHost(req: Request): string | undefined {
  const text = plainHostText(req);
  return text === undefined ? undefined : normaliseHost(text);
}

/** The same as it was written, not normalised; a name that is kept somewhere under its normalised form may be found by it. */
export const plainHostText = (req: Request): string | undefined => (isPlainRequest(req) ? hostText(req) : undefined);

/** What names the host, port and all: `X-Forwarded-Host` where a trusted proxy sent it, else `Host`. */
export const hostText = (req: Request): string => forwardedHost(req) ?? req.headers.host ?? "";

/**
 * The server name of the TLS handshake, which the host must equal; undefined without TLS, when the client sent none, or
 * where a trusted proxy says for whom it asks: its handshake names what the proxy calls this server.
 */
export function handshakeHost(req: Request): string | undefined {
  if (forwardedHost(req) !== undefined) return undefined;
  const name = req.socket instanceof TLSSocket ? (req.socket as { servername?: unknown }).servername : undefined;
  return typeof name === "string" && name !== "" ? name.toLowerCase() : undefined;
}

/**
 * True for a request from this machine that names this machine. Neither alone is enough: a client writes the Host it
 * likes, and a proxy on this machine brings requests of strangers.
 */
export function isFromLoopback(req: Request): boolean {
  return (
    loopbackHost.test(req.headers.host ?? "") &&
    isPlainRequest(req) &&
    loopbackAddress.test(req.socket.remoteAddress ?? "") &&
    !Object.keys(req.headers).some((name) => forwardingHeader.test(name))
  );
}

/** Browsers send A-labels; U-labels are read as browsers would read them (UTS 46). Empty for what is no name. */
function aLabels(bytes: string): string {
  const name = /[\u0100-\uffff]/.test(bytes) ? undefined : readUtf8(bytes);
  // Checked before: `domainToASCII` reads the host of a URL. It would cut at '/', '@' and '?', and decode '%2e'.
  return name !== undefined && /^[a-z0-9.\-\u0080-\u{10ffff}]+$/iu.test(name) ? domainToASCII(name) : "";
}

function readUtf8(bytes: string): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.from(bytes, "latin1"));
  } catch {
    return undefined;
  }
}

function isPlainRequest(req: Request): boolean {
  return countHosts(req.rawHeaders) === 1 && req.originalUrl.startsWith("/");
}

/** Names and values take turns. */
function countHosts(rawHeaders: readonly string[]): number {
  let count = 0;
  for (let i = 0; i < rawHeaders.length; i += 2)
    if (rawHeaders[i]?.length === 4 && rawHeaders[i]?.toLowerCase() === "host") count += 1;
  return count;
}

/** Node joins several headers of this name with commas, and a comma is part of no host name. */
function forwardedHost(req: Request): string | undefined {
  const text = req.headers["x-forwarded-host"];
  return typeof text === "string" && isFromTrustedProxy(req) ? text : undefined;
}

function isFromTrustedProxy(req: Request): boolean {
  const isTrusted = req.app.get("trust proxy fn") as (address: string | undefined, hop: number) => boolean;
  return isTrusted(req.socket.remoteAddress, 0);
}
