/** The certificate of each host, ready for a handshake. */
import { createSecureContext, type SecureContext } from "node:tls";
import { registryPatienceMs } from "../../core/registry.ts";
import { createAuthority, openAuthority, type KeyAndCertificate } from "../../core/x509.ts";
import type { RuntimeContext } from "../context.ts";
import { createRegistryCache, type RegistryCache } from "../resolution/registry-cache.ts";

export const oldestTls = "TLSv1.2";

/** Exact host name → secure context. @throws on an unreachable registry, or a key sealed with another master key. */
export function createServerCertificates({
  config,
  registry,
  secrets,
}: Pick<RuntimeContext, "config" | "registry" | "secrets">): RegistryCache<SecureContext> {
  return createRegistryCache({
    max: 2_000,
    ttlMs: 60_000,
    staleMs: config.RESOLUTION_STALE_SECONDS * 1000,
    load: async (host) => {
      const row = await registry("domains as d")
        .join("certificates as c", "c.id", "d.certificate_id")
        .where("d.host", host)
        .first("d.company_id", "c.serial", "c.certificate", "c.private_key_sealed")
        .timeout(registryPatienceMs);
      if (row === undefined) return undefined;
      const key = secrets.open(row.private_key_sealed, `certificate:${row.serial}`);
      const value = createSecureContext({ cert: row.certificate, key, minVersion: oldestTls });
      return { companyId: row.company_id as number, value };
    },
  });
}

/** For handshakes that name no host of ours: nobody should trust it, but the client learns why by a proper answer. */
export async function createFallbackCertificate(): Promise<KeyAndCertificate> {
  const authority = await openAuthority(await createAuthority("Unknown host"));
  const { certificate, privateKey } = await authority.sign(["localhost"], 365);
  return { certificate, privateKey };
}
