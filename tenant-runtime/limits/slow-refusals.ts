/**
 * Whoever asks again at once after each refusal would keep the process busy with refusing, and others waiting. The first
 * refusals of a second are answered at once; what follows is answered about half a second later, spread out, and of those who wait
 * there are only so many.
 */
export interface SlowRefusals {
  /** Calls `refuse`, now or later; `drop` where too many wait already. */
  refuse(companyId: number, what: { readonly refuse: () => void; readonly drop: () => void }): void;
}

const atOnce = 20;
const delayMs = 500;
const heldAtMost = 1_000;

export function createSlowRefusals(): SlowRefusals {
  let counted = new Map<number, number>();
  let since = 0;
  let held = 0;
  return {
    refuse(companyId, { refuse, drop }) {
      const now = performance.now();
      if (now - since >= 1_000) {
        counted = new Map();
        since = now;
      }
      const count = (counted.get(companyId) ?? 0) + 1;
      counted.set(companyId, count);
      if (count <= atOnce) refuse();
      else if (held >= heldAtMost) drop();
      else {
        held += 1;
        setTimeout(
          () => {
            held -= 1;
            refuse();
          },
          delayMs * (0.5 + Math.random()),
        );
      }
    },
  };
}
