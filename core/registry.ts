/** The registry as serving processes see it: read-only, by a role that is a member of no tenant role. */
import { setTimeout as sleep } from "node:timers/promises";
import { openDatabase, type Knex } from "./db.ts";
import { messageOf } from "./errors.ts";
import { withoutUrls, type Logger } from "./logger.ts";
import type { Secrets } from "./secrets.ts";
import { registryRole, servicePassword } from "./service-roles.ts";
import { loadSigningKeys, type SigningKey } from "./signing-keys.ts";

/**
 * What one question on a request's way may take, given to Knex's `timeout`: that throws a connection away which has
 * gone silent, where any other way of giving up would leave it in the pool.
 */
export const registryPatienceMs = 3_000;

export function openRegistry(databaseUrl: string, secrets: Secrets, name: string): Knex {
  return openDatabase(databaseUrl, {
    name,
    max: 5,
    user: registryRole,
    password: servicePassword(secrets, registryRole),
  });
}

/**
 * Waits until the control plane has set the database up: programs that start together need no order among them.
 * @throws Error when the patience, a minute where none is named, is over, with what was missing last.
 */
export async function waitForRegistry(
  registry: Knex,
  secrets: Secrets,
  { log, patienceMs = 60_000 }: { log: Logger; patienceMs?: number | undefined },
): Promise<SigningKey[]> {
  const deadline = Date.now() + patienceMs;
  for (let attempt = 1; ; attempt += 1) {
    try {
      const keys = await loadSigningKeys(registry, secrets, "tenant");
      if (keys.length > 0) return keys;
      throw new Error("there is no signing key for tenants yet");
    } catch (error) {
      const why = withoutUrls(messageOf(error));
      if (Date.now() > deadline) throw new Error(`the registry is not usable: ${why}`, { cause: error });
      if (attempt === 1) log.info({ why }, "waiting for the control plane to set the database up");
      await sleep(250);
    }
  }
}
