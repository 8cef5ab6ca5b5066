/** What is asked of a company while something is killed, and what it must have become in the end. */
import type { DesiredState, TenantStatus } from "../../core/tenant.ts";

export interface Journey {
  readonly operation: string;
  /** Journeys that the company has behind it when this one is asked for. */
  readonly after: readonly string[];
  /** Undefined: there is no company yet. */
  readonly from: DesiredState | undefined;
  readonly to: DesiredState;
  /** Undefined: there is no company any more. */
  readonly status: TenantStatus | undefined;
  /** Crash points of its own besides those of the walk: around the rows that say what is wanted. */
  readonly rows: readonly string[];
  /** Also what is where it should be is made again. */
  readonly renewsAll?: true;
  /** Its walk is another journey's; only its rows and the walk's end are tried. */
  readonly sharesWalk?: true;
  /** Provisioning of a company whose owner PostgreSQL refuses for good (see refuse-owner.ts). */
  readonly refused?: true;
  request(slug: string): JourneyRequest;
}

export interface JourneyRequest {
  readonly method: "POST" | "DELETE";
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
}

const provision = (slug: string): JourneyRequest => ({
  method: "POST",
  path: "/api/tenants/provision",
  body: { name: `Caos ${slug}`, domain: `${slug}.example.com`, plan: "basic", slug },
});

const change =
  (verb: string) =>
  (slug: string): JourneyRequest => ({
    method: "POST",
    path: `/api/tenants/${slug}/${verb}`,
    body: { reason: "chaos" },
  });

/** @param seconds until everything is removed. */
const removal =
  (seconds: number) =>
  (slug: string): JourneyRequest => {
    const purgeAfter = new Date(Date.now() + seconds * 1000).toISOString();
    return {
      method: "DELETE",
      path: `/api/tenants/${slug}`,
      body: { confirm: slug, reason: "chaos", purgeAfter },
    };
  };

const day = 86_400;

export const journeys: readonly Journey[] = [
  {
    operation: "provision",
    after: [],
    from: undefined,
    to: "active",
    status: "active",
    rows: ["active.row.before", "active.row.after"],
    request: provision,
  },
  {
    operation: "suspend",
    after: ["provision"],
    from: "active",
    to: "suspended",
    status: "suspended",
    rows: ["suspend.row.after"],
    request: change("suspend"),
  },
  {
    operation: "resume",
    after: ["provision", "suspend"],
    from: "suspended",
    to: "active",
    status: "active",
    rows: ["resume.row.after"],
    request: change("resume"),
  },
  {
    operation: "delete",
    after: ["provision"],
    from: "active",
    to: "deleted",
    status: "deleted",
    rows: ["delete.row.after"],
    request: removal(0),
  },
  {
    operation: "close",
    after: ["provision"],
    from: "active",
    to: "closed",
    status: "deleting",
    rows: ["delete.row.after"],
    request: removal(day),
  },
  {
    operation: "undelete",
    after: ["provision", "close"],
    from: "closed",
    to: "active",
    status: "active",
    rows: ["undelete.row.after"],
    renewsAll: true,
    request: change("undelete"),
  },
  {
    operation: "purge",
    after: ["provision", "close"],
    from: "closed",
    to: "deleted",
    status: "deleted",
    rows: ["purge.row.after"],
    sharesWalk: true,
    // Long enough to be closed before it is due: the sweep starts the purge, nobody's request.
    request: removal(1.5),
  },
  {
    operation: "rollback",
    after: [],
    from: "active",
    to: "rolled_back",
    status: undefined,
    rows: ["rollback.row.after"],
    refused: true,
    request: provision,
  },
];

export function journeyOf(operation: string): Journey {
  const found = journeys.find((journey) => journey.operation === operation);
  if (found === undefined) throw new Error(`there is no journey called ${operation}`);
  return found;
}
