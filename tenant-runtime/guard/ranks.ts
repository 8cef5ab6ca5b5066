const ranks = ["member", "admin", "owner"] as const;

export type TenantRole = (typeof ranks)[number];
export const tenantRoles: readonly TenantRole[] = ranks;

/** The first role stands above the second. */
export const outranks = (role: string, other: string): boolean =>
  ranks.indexOf(role as TenantRole) > ranks.indexOf(other as TenantRole);
