/** What a person may do to a migration run. */
import { hasRole, type Actor, type Role } from "../accounts/authenticate.ts";
import type { RunJson } from "../fleet/run-schemas.ts";
import type { Locale } from "./locale.ts";

interface RunAct {
  readonly least: Role;
  readonly fits: (run: RunJson) => boolean;
  /** Only where no other run is open: it opens this one again. */
  readonly opens?: (run: RunJson) => boolean;
}

export const runActs = {
  pause: { least: "operator", fits: ({ status }) => status === "running" },
  resume: { least: "operator", fits: ({ status }) => status === "paused" },
  retry: {
    least: "operator",
    fits: ({ status, failed, waiting }) =>
      ((status === "paused" || status === "failed") && failed > 0) || (status === "aborted" && failed + waiting > 0),
    opens: ({ status }) => status !== "paused",
  },
  abort: { least: "admin", fits: ({ status }) => status === "running" || status === "paused" },
} as const satisfies Readonly<Record<string, RunAct>>;

export type RunActName = keyof typeof runActs;

/** Those that fit the run as it is, of those that the person may do; the dangerous one last, on a page of its own. */
export function presentRunActs(
  locale: Locale,
  run: RunJson,
  { actor, isAnotherOpen }: { actor: Actor; isAnotherOpen: boolean },
) {
  const names = (Object.keys(runActs) as RunActName[]).filter((name) => {
    const act: RunAct = runActs[name];
    const isBlocked = isAnotherOpen && act.opens?.(run) === true;
    return act.fits(run) && hasRole(actor, act.least) && !isBlocked;
  });
  return names.map((name) => ({
    name,
    text: locale.text(`runs.act.${name}`),
    href: `/migrations/${run.id}/${name}`,
    isDangerous: name === "abort",
    isPrimary: name === "resume",
  }));
}
