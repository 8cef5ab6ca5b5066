const isWhole = process.env["TEST_SIZE"] === "whole";

/**
 * Returns how many of something a test makes: a fixed sample in `npm test`, the whole in `npm run test:all`, which sets
 * TEST_SIZE=whole. The promise that is tested is the same.
 */
export const sized = (sample: number, whole: number): number => (isWhole ? whole : sample);

/** Returns the first and every `step`th of them after it in `npm test`, always the same ones; all in `npm run test:all`. */
export const sampleOf = <T>(all: readonly T[], step: number): readonly T[] =>
  isWhole ? all : all.filter((_, i) => i % step === 0);
