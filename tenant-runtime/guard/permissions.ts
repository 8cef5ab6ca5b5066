/** What a person of a company may do: a closed list, so that a typing error in a group is refused and grants nothing. */

const readAndWrite = [
  "customers",
  "conversations",
  "orders",
  "catalogue",
  "inventory",
  "campaigns",
  "workshop",
  "finance",
  "quotes",
  "stores",
] as const;

export type Permission = `${(typeof readAndWrite)[number]}:${"read" | "write"}` | "people:read" | "people:manage";

export const permissions: readonly Permission[] = [
  ...readAndWrite.flatMap((thing): Permission[] => [`${thing}:read`, `${thing}:write`]),
  "people:read",
  "people:manage",
];

const known = new Set<unknown>(permissions);

/** `people:manage` outlives the visit: an invitation made by it would be good long after the quarter of an hour. */
const forSupport = permissions.filter((permission) => permission !== "people:manage");

export interface Standing {
  readonly role: string;
  readonly isSupport: boolean;
  /** Of the group; undefined without one. */
  readonly granted: readonly unknown[] | undefined;
}

/** Owners and admins may do everything, members what their group grants, and nothing without a group. */
export function permissionsOf({ role, isSupport, granted }: Standing): readonly Permission[] {
  if (isSupport) return forSupport;
  if (isLeading(role)) return permissions;
  return (granted ?? []).filter((permission): permission is Permission => known.has(permission));
}

export const isLeading = (role: string): boolean => role === "owner" || role === "admin";

/** Stores that somebody works with: every one, or those of the group. */
export type StoreScope = "all" | readonly string[];

/** The first store scope allows nothing that the second one does not. */
export const isWithinStores = (inner: StoreScope, outer: StoreScope): boolean =>
  outer === "all" || (inner !== "all" && inner.every((id) => outer.includes(id)));
