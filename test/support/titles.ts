/** Titles of tests name subject and result in one line of a report: checked whenever tests run, generated ones too. */
import type { Suite } from "mocha";

const maxTitleCharacters = 80;

/** Returns a generated title that fits: what is cut off belongs in the assertion's message. */
export const clipTitle = (title: string): string =>
  title.length <= maxTitleCharacters ? title : `${title.slice(0, maxTitleCharacters - 1)}…`;

/** Required by .mocharc.json. */
export const mochaHooks = {
  beforeAll(this: Mocha.Context): void {
    const root = this.test?.parent;
    if (root === undefined) throw new Error("mocha gives root hooks no root suite any more");
    const long = titlesOf(root).filter((title) => title.length > maxTitleCharacters);
    if (long.length > 0) throw new Error(`titles of more than ${maxTitleCharacters} characters:\n${long.join("\n")}`);
  },
};

const titlesOf = ({ title, suites, tests }: Suite): string[] => [
  title,
  ...tests.map((test) => test.title),
  ...suites.flatMap(titlesOf),
];
