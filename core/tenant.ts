/** The vocabulary: what a tenant is, its states, and every name derived from it. Names are made here and nowhere else. */

/**
 * `closed`: hosts answer 410, nobody works for it, nothing of it is touched until its time is over. `deleted`: all it
 * owns goes. `rolled_back`: it never lived, so its rows go too.
 */
export type DesiredState = "active" | "suspended" | "closed" | "deleted" | "rolled_back";

/** Everything the company owns is to be gone. */
export const isRemoval = (desired: DesiredState): boolean => desired === "deleted" || desired === "rolled_back";

/** What a person sees; derived from desired state and resource rows, never stored. */
export type TenantStatus = "provisioning" | "active" | "degraded" | "suspended" | "deleting" | "deleted" | "failed";

export interface Tenant {
  readonly id: number;
  readonly uuid: string;
  readonly slug: string;
  readonly name: string;
  readonly baseDomain: string;
  readonly desiredState: DesiredState;
  readonly plan: string;
}

export type HostKind = "chat" | "api";
export const hostKinds: readonly HostKind[] = ["chat", "api"];

/** What a company may be served without: DNS, certificate and worker may still be on their way. */
export const servingResources = ["database", "cache", "queue", "owner"] as const;

/** Schema, database role and Redis user share one name: `tenant_42`. */
export const schemaName = (id: number): string => `tenant_${checkedId(id)}`;
export const roleName = schemaName;
export const redisUser = schemaName;

/** All keys of a tenant; the braces are literal, so that one tenant is one Redis Cluster slot. */
export const redisNamespace = (id: number): string => `tenant:{${checkedId(id)}}:`;
export const metaKey = (id: number): string => `${redisNamespace(id)}meta`;
/** Stream of what a tenant's open pages listen to. */
export const eventStreamKey = (id: number): string => `${redisNamespace(id)}events`;
/** What the company used on one day (`20261122`, UTC), added up by all processes. */
export const usageKey = (id: number, day: string): string => `${redisNamespace(id)}usage:${day}`;
export const workerSetKey = (id: number): string => `${redisNamespace(id)}workers`;
export const workerKey = (id: number, workerId: string): string => `${redisNamespace(id)}worker:${workerId}`;
/** Wrong passwords by whom they were for or where they came from; `hash` says neither. */
export const guessKey = (id: number, kind: "email" | "address", hash: string): string =>
  `${redisNamespace(id)}guess:${kind}:${hash}`;
/** A visit of the platform's support that was granted and has not begun; `hash` is of its one-shot secret. */
export const impersonationKey = (id: number, hash: string): string => `${redisNamespace(id)}impersonation:${hash}`;

/** BullMQ's prefix and name; BullMQ forbids `:` in names, so the label for people is a third thing. */
export const queuePrefix = (id: number): string => `${redisNamespace(id)}queue`;
export const queueLabel = (id: number, queue = "default"): string => `${queue}:company_${checkedId(id)}`;

export const tenantHost = (kind: HostKind, slug: string, baseDomain: string): string => `${kind}.${slug}.${baseDomain}`;

/** Marks a schema or role as ours, so that a crash's leftovers are adopted and a stranger's thing is a conflict. */
export const ownerMark = (uuid: string): string => `secretaria tenant ${uuid}`;

/** `aud` of every token that a tenant's hosts accept. */
export const tenantAudience = (uuid: string): string => `tenant:${uuid}`;

export const slugPattern = /^[a-z](?!.*--)[a-z0-9-]{1,30}[a-z0-9]$/;

/** Names that would be mistaken for the platform's own hosts or pages. */
const reservedSlugs = new Set(
  (
    "admin api app assets auth autodiscover billing blog cdn chat console dashboard demo dev dns docs email ftp help " +
    "imap internal localhost login mail metrics mx ns1 ns2 painel panel pop postgres public redis root secretaria " +
    "security smtp staging static status suporte support system tenant test webmail webhook www"
  ).split(" "),
);

/** Why a slug may not be used, or undefined when it may. */
export function slugProblem(slug: string): string | undefined {
  if (!slugPattern.test(slug)) {
    return "must be 3 to 32 characters of a-z, 0-9 and single hyphens, start with a letter and end with a letter or digit";
  }
  return reservedSlugs.has(slug) ? "is reserved by the platform" : undefined;
}

/** `Padaria São João Ltda.` → `padaria-sao-joao-ltda`; always a valid slug, `empresa-…` where the name gives none. */
export function slugFromName(name: string): string {
  const folded = name
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-");
  const slug = folded
    .replace(/^[^a-z]+/, "")
    .slice(0, 28)
    .replace(/-+$/, "");
  if (slugProblem(slug) === undefined) return slug;
  return `empresa-${slug}`.replace(/-+$/, "");
}

function checkedId(id: number): number {
  if (!Number.isSafeInteger(id) || id < 1) throw new RangeError("a tenant id is a positive integer");
  return id;
}
