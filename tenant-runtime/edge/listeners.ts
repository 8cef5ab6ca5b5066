/** The two listeners. Both serve the same app; which tenant is meant is decided per request, never per connection. */
import { createServer as createHttpServer, type RequestListener, type Server } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { SecureContext, TlsOptions } from "node:tls";
import type { Logger } from "../../core/logger.ts";
import { normaliseHost } from "../resolution/host-name.ts";
import type { RegistryCache } from "../resolution/registry-cache.ts";
import { createFallbackCertificate, oldestTls } from "./server-certificates.ts";

/** A client that dawdles holds a socket for no longer than this. */
const patience = { headersTimeout: 15_000, requestTimeout: 30_000, keepAliveTimeout: 10_000 };

export const createHttpEdge = (app: RequestListener): Server => createHttpServer(patience, app);

/** TLS by the exact server name of the handshake; unknown names get the fallback certificate and are told over HTTP. */
export async function createHttpsEdge(
  app: RequestListener,
  certificates: RegistryCache<SecureContext>,
  log: Logger,
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
    { ...patience, cert, key, minVersion: oldestTls, handshakeTimeout: 10_000, SNICallback },
    app,
  );
}

async function findContext(
  certificates: RegistryCache<SecureContext>,
  name: string,
): Promise<SecureContext | undefined> {
  const host = normaliseHost(name);
  return host === undefined ? undefined : certificates.get(host);
}
