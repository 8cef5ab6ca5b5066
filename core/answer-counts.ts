/** How the requests of tenants ended in this process. Counted where they end: two additions each. */
export interface AnswerCounts {
  requests: number;
  /** Of those: answered with 5xx. */
  serverErrors: number;
}

export const newAnswerCounts = (): AnswerCounts => ({ requests: 0, serverErrors: 0 });

export function countAnswer(counts: AnswerCounts, status: number): void {
  counts.requests += 1;
  if (status >= 500) counts.serverErrors += 1;
}
