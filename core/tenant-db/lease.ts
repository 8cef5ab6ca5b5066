/** On whose behalf the connection is used, from when it is lent until it is given back. */
export interface Lease {
  /** Undefined for what belongs to no tenant, e.g. the questions that open a connection. */
  readonly tenant: number | undefined;
  /** Without an answer for this long, in milliseconds, the connection is given up. */
  readonly answerWithinMs: number;
  /** Rows that a statement read or changed. */
  readonly onRows?: ((rows: number) => void) | undefined;
}

export const nobody: Lease = { tenant: undefined, answerWithinMs: 10_000 };
