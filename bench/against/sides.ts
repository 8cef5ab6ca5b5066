/** Two releases that take turns, and what the rounds say of them. */
import { quantile, type BenchResult } from "../report.ts";
import { throwIfInterrupted } from "../interruption.ts";

export const sides = ["old", "new"] as const;
export type Side = (typeof sides)[number];
/** One thing of each release. */
export type Sides<T> = Readonly<Record<Side, T>>;

/** With fewer the quartiles of the ratios are hardly more than the smallest and the largest of them. */
export const minRounds = 7;

/**
 * Returns who is measured when in a round: blocks of old, new, new, old and of new, old, old, new in turn. In each block
 * both have the same mean position, so that a machine which slows down steadily favours neither.
 * @param blocks of four slices each.
 */
export function orderOf(round: number, blocks: number): Side[] {
  return Array.from({ length: blocks }, (_, block): Side[] =>
    (round + block) % 2 === 0 ? ["old", "new", "new", "old"] : ["new", "old", "old", "new"],
  ).flat();
}

/** Returns the slices of each round by release. */
export async function takeTurns<T>(
  { rounds, blocks }: { readonly rounds: number; readonly blocks: number },
  slice: (side: Side) => Promise<T>,
  onRound: (round: number, slices: Sides<T[]>) => void = () => undefined,
): Promise<Sides<T[]>[]> {
  const seen: Sides<T[]>[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    const slices: Sides<T[]> = { old: [], new: [] };
    for (const side of orderOf(round, blocks)) {
      throwIfInterrupted();
      slices[side].push(await slice(side));
    }
    seen.push(slices);
    onRound(round, slices);
  }
  return seen;
}

/** Returns the same of both releases. */
export const onBoth = <A, B>(pair: Sides<A>, work: (one: A) => B): Sides<B> => ({
  old: work(pair.old),
  new: work(pair.new),
});

/** Returns the median of the rounds' new/old as `against`, and the quartiles beside it. */
export function compareRounds(rounds: readonly Sides<number>[]): Pick<BenchResult, "ratios" | "figures"> {
  const ratios = rounds.map((round) => round.new / round.old);
  return {
    ratios: { against: quantile(ratios, 0.5) },
    figures: {
      againstLow: quantile(ratios, 0.25),
      againstHigh: quantile(ratios, 0.75),
      againstRounds: ratios.length,
    },
  };
}

export const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
export const mean = (values: readonly number[]): number => sum(values) / values.length;
