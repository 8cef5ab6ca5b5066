/** A second control plane on the database of a file's platform. */
import { after, before } from "mocha";
import { createShutdown, type Shutdown } from "../../core/shutdown.ts";
import { startControlPlane } from "../../control-plane/start.ts";
import { createApiClient, type ApiClient } from "./api-client.ts";
import { adminEmail, adminPassword, type Platform } from "./platform.ts";
import { testLog } from "./program-log.ts";

/** Starts it before a file's tests and stops it after them. The returned client is usable inside tests only. */
export function useSecondPlane(platform: Platform): ApiClient {
  const client = {} as ApiClient;
  let shutdown: Shutdown | undefined;
  before(async () => {
    const log = testLog();
    shutdown = createShutdown(log);
    const { port } = await startControlPlane(platform.config, log, shutdown);
    const login = { email: adminEmail, password: adminPassword };
    Object.assign(client, await createApiClient(`http://127.0.0.1:${port}`, login));
  });
  after(() => shutdown?.run("test over"));
  return client;
}
