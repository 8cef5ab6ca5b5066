import { setTimeout as sleep } from "node:timers/promises";
import type { Knex } from "../core/db.ts";
import type { Logger } from "../core/logger.ts";
import type { Secrets } from "../core/secrets.ts";
import { loadSigningKeys, type SigningKey } from "../core/tokens.ts";

const patienceMs = 60_000;

/**
 * The tenants' keys. When the programs start together, the control plane is still making database, roles and keys:
 * they are waited for. @throws what the last look threw when they are not there after a minute.
 */
export async function awaitSigningKeys(registry: Knex, secrets: Secrets, log: Logger): Promise<SigningKey[]> {
  const deadline = Date.now() + patienceMs;
  for (let attempt = 1; ; attempt += 1) {
    const outcome = await lookForKeys(registry, secrets);
    if (!(outcome instanceof Error)) return outcome;
    if (Date.now() > deadline) throw outcome;
    if (attempt === 1) log.warn({ err: outcome }, "waiting for the control plane to set the registry up");
    await sleep(500);
  }
}

async function lookForKeys(registry: Knex, secrets: Secrets): Promise<SigningKey[] | Error> {
  try {
    const keys = await loadSigningKeys(registry, secrets, "tenant");
    return keys.length > 0 ? keys : new Error("there is no signing key for tenants yet");
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
