/**
 * Returns how many of something a test makes: a fixed sample in `npm test`, the whole in `npm run test:all`, which sets
 * TEST_SIZE=whole. The promise that is tested is the same.
 */
export const sized = (sample: number, whole: number): number => (process.env["TEST_SIZE"] === "whole" ? whole : sample);
