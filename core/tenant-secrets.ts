import type { Secrets } from "./secrets.ts";
import { redisUser, roleName } from "./tenant.ts";

/** Password of the tenant's Redis user; derived, so that a worker and the control plane agree without storing it. */
export const redisPassword = (secrets: Secrets, companyId: number): string =>
  secrets.derive(`redis:${redisUser(companyId)}`);

/** Password of the tenant's PostgreSQL role where its plan is `dedicated`; the role has none otherwise. */
export const databasePassword = (secrets: Secrets, companyId: number): string =>
  secrets.derive(`postgres:${roleName(companyId)}`);

/** Secret of the owner's one-time set-up link; only its hash is in the tenant's schema, and it works once. */
export const ownerSetupToken = (secrets: Secrets, uuid: string): string => secrets.derive(`owner-setup:${uuid}`);
