/** The `Prefer` header (RFC 7240): `respond-async` and `wait=N`; what is not understood is ignored, as the RFC asks. */
export interface Preference {
  readonly waitSeconds?: number;
  /** For `Preference-Applied`. */
  readonly applied?: string;
}

const longestWait = 60;

export function readPreference(header: string | undefined): Preference {
  const wishes = (header ?? "")
    .toLowerCase()
    .split(",")
    .map((wish) => wish.trim());
  const wait = wishes.map((wish) => /^wait=(\d{1,5})$/.exec(wish)?.[1]).find((seconds) => seconds !== undefined);
  if (wait !== undefined) {
    const waitSeconds = Math.min(Number(wait), longestWait);
    return { waitSeconds, applied: `wait=${waitSeconds}` };
  }
  return wishes.includes("respond-async") ? { waitSeconds: 0, applied: "respond-async" } : {};
}
