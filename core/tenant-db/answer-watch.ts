/** What was sent on a connection and not answered yet, and for how long that may be so. */
export interface AnswerWatch {
  readonly unanswered: number;
  /** Nothing is on its way. */
  readonly isQuiet: boolean;
  sent(): void;
  /** What was sent may take that long. Of several on their way each may take as long as the most patient. */
  watch(withinMs: number): void;
  /** The oldest of them. */
  answered(): void;
  close(): void;
}

/** @param onLate is told for how long nothing was answered. */
export function createAnswerWatch(onLate: (ms: number) => void): AnswerWatch {
  let unanswered = 0;
  let patienceMs = 0;
  let deadline: NodeJS.Timeout | undefined;
  const wait = (ms: number) => void (deadline ??= setTimeout(() => onLate(ms), ms));
  return {
    get unanswered() {
      return unanswered;
    },
    get isQuiet() {
      return unanswered === 0;
    },
    sent: () => void (unanswered += 1),
    watch(withinMs) {
      patienceMs = Math.max(patienceMs, withinMs);
      wait(patienceMs);
    },
    answered() {
      clearTimeout(deadline);
      deadline = undefined;
      unanswered = Math.max(0, unanswered - 1);
      if (unanswered === 0) patienceMs = 0;
      else if (patienceMs > 0) wait(patienceMs);
    },
    close: () => clearTimeout(deadline),
  };
}
