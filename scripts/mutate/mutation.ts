/** What a mutation is. Tables of them lie beside this file. */

export interface Mutation {
  readonly name: string;
  /** The defence that it takes away, as test/attacks/ name it. */
  readonly defence: string;
  /** Whose attacks are run: families of test/attacks/families.ts. */
  readonly family: string;
  readonly file: string;
  /** Stands exactly once in the file. */
  readonly from: string;
  readonly to: string;
}
