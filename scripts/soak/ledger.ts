/** What was seen and what was promised, held against each other at the end. */
import { runQuery } from "../../test/support/servers.ts";
import type { SoakTenant } from "./tenants.ts";

export interface Counts {
  requests: number;
  /** Rows that were looked at for their mark. */
  rows: number;
  written: number;
  /** Answered 503, or failed because a server was gone. */
  refused: number;
  /** By the client, half way. */
  aborted: number;
  timedOut: number;
  killed: number;
  /** Neither an answer that the move expects nor one of the above. */
  unexpected: number;
  leaks: number;
  /** Writes that were answered and are not there. */
  lost: number;
}

export interface Ledger {
  readonly counts: Counts;
  /** The first of what must not be, in words. */
  readonly faults: string[];
  /** Looks at the mark of each row that was shown to `tenant`. */
  see(tenant: SoakTenant, rows: readonly { readonly metadata: { readonly of?: string } }[], what: string): void;
  /** Before a write is sent, and again when it was answered. */
  writes(tenant: SoakTenant, turn: number): void;
  wrote(turn: number): void;
  isUnexpected(what: string): void;
  /** Reads every row of every tenant. */
  close(databaseUrl: string, tenants: readonly SoakTenant[]): Promise<void>;
}

const faultsKept = 20;

export function openLedger(): Ledger {
  const zero = { requests: 0, rows: 0, written: 0, refused: 0, aborted: 0, timedOut: 0, killed: 0 };
  const counts: Counts = { ...zero, unexpected: 0, leaks: 0, lost: 0 };
  const faults: string[] = [];
  const sent = new Map<number, { of: string; answered: boolean }>();
  const fault = (kind: "unexpected" | "leaks" | "lost", what: string) => {
    counts[kind] += 1;
    if (faults.length < faultsKept) faults.push(`${kind}: ${what}`);
  };
  const check = (slug: string, of: string | undefined, what: string) => {
    counts.rows += 1;
    if (of !== slug) fault("leaks", `${slug} saw a row of ${of ?? "nobody"} in ${what}`);
  };
  return {
    counts,
    faults,
    see: ({ slug }, rows, what) => rows.forEach(({ metadata }) => check(slug, metadata.of, what)),
    writes: ({ slug }, turn) => void sent.set(turn, { of: slug, answered: false }),
    wrote(turn) {
      counts.written += 1;
      Object.assign(sent.get(turn) as object, { answered: true });
    },
    isUnexpected: (what) => fault("unexpected", what),
    async close(databaseUrl, tenants) {
      for (const { id, slug } of tenants) {
        const rows = await runQuery<{ of: string; turn: number | null; notes: string | null }>(
          databaseUrl,
          `SELECT metadata->>'of' AS of, (metadata->>'turn')::int AS turn, notes FROM tenant_${id}.customers`,
        );
        for (const { of, turn, notes } of rows) {
          check(slug, of, "its own table");
          if (notes !== null && notes !== slug) fault("leaks", `${notes} wrote into a row of ${slug}`);
          if (turn === null) continue;
          if (sent.get(turn)?.of !== slug) fault("leaks", `turn ${turn} is in ${slug}`);
          sent.delete(turn);
        }
      }
      for (const [turn, { of, answered }] of sent) if (answered) fault("lost", `turn ${turn} of ${of}`);
    },
  };
}
