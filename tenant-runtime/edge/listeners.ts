/** The two listeners. Both serve the same app; which tenant is meant is decided per request, never per connection. */
import { createServer as createHttpServer, type Server, type ServerOptions } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { SecureContext, TlsOptions } from "node:tls";
import type { Express } from "express";
import { expressMessages } from "../../core/express-messages.ts";
import type { Logger } from "../../core/logger.ts";
import { normaliseHost } from "../resolution/host-name.ts";
import type { RegistryCache } from "../resolution/registry-cache.ts";
import { createFallbackCertificate, oldestTls } from "./server-certificates.ts";

export const createHttpEdge = (app: Express, requestSeconds: number): Server =>
  createHttpServer({ ...patience(requestSeconds), ...expressMessages(app) }, app);

/** TLS by the exact server name of the handshake; unknown names get the fallback certificate and are told over HTTP. */
export async function createHttpsEdge(
  app: Express,
  certificates: RegistryCache<SecureContext>,
  { log, requestSeconds }: { log: Logger; requestSeconds: number },
): Promise<Server> {
  const { certificate: cert, privateKey: key } = await createFallbackCertificate();
  const SNICallback: TlsOptions["SNICallback"] = (name, answer) => {
    findContext(certificates, name).then(
      (context) => answer(null, context),
      (error: unknown) => {
        log.error({ err: error, host: name.slice(0, 253) }, "no certificate could be read for a handshake");
        answer(null);
      },
    );
  };
  return createHttpsServer(
    {
      ...patience(requestSeconds),
      ...expressMessages(app),
      cert,
      key,
      minVersion: oldestTls,
      handshakeTimeout: 10_000,
      SNICallback,
    },
    app,
  );
}

/** A client that dawdles is answered 408 and holds a socket for little longer than this. */
function patience(requestSeconds: number): ServerOptions {
  const requestTimeout = requestSeconds * 1000;
  return {
    headersTimeout: Math.min(15_000, requestTimeout),
    requestTimeout,
    keepAliveTimeout: 10_000,
    // Node looks every 30 s unless it is told to.
    connectionsCheckingInterval: Math.min(2_000, requestTimeout / 2),
  };
}

async function findContext(
  certificates: RegistryCache<SecureContext>,
  name: string,
): Promise<SecureContext | undefined> {
  const host = normaliseHost(name);
  return host === undefined ? undefined : certificates.get(host);
}
