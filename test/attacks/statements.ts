/** What every attack on the database is made of: one statement, and how it ends. */
import { expect } from "chai";
import { runBelow, runBelowIn } from "../support/below-the-list.ts";
import type { Attack } from "./attack.ts";
import { seesItself, type Failure, type World } from "./world.ts";

export type Write = (world: World) => string;

/** By the database, or by the handle before it. */
export const denied = /^(42501|statement-not-allowed) /;

/** One statement by the handle, alone and in a transaction: it ends as it should, or its answer holds nothing of the victim. */
export const tries = (name: string, defence: string, write: Write, why?: RegExp): Attack => ({
  name,
  defence,
  control: seesItself,
  async run(world) {
    const { ofA } = world;
    const sql = write(world);
    for (const run of [() => ofA.db.raw(sql), () => ofA.transaction((db) => db.raw(sql))]) {
      const outcome = await outcomeOf(run());
      if (why) expect(outcome instanceof Error && textOf(outcome), sql).to.match(why);
      else if (!(outcome instanceof Error)) expect(JSON.stringify(outcome), sql).not.to.include(world.b.slug);
    }
  },
});

/** The list refuses it, and the server does where the list does not come between. */
export const triesBelow = (name: string, defence: string, write: Write): Attack => ({
  name,
  defence,
  control: seesItself,
  async run(world) {
    const { ofA } = world;
    const sql = write(world);
    const ways: [() => PromiseLike<unknown>, RegExp][] = [
      [() => ofA.db.raw(sql), /^statement-not-allowed /],
      [() => runBelow(ofA, sql), /^42501 /],
      [() => ofA.transaction(async (db) => runBelowIn(db, sql)), /^42501 /],
    ];
    for (const [run, why] of ways) {
      const outcome = await outcomeOf(run());
      expect(outcome instanceof Error && textOf(outcome), sql).to.match(why);
    }
  },
});

const outcomeOf = (work: PromiseLike<unknown>): Promise<unknown> =>
  Promise.resolve(work).then(
    (answer) => (answer as { rows?: unknown }).rows ?? "ran",
    (error: Failure) => error,
  );

const textOf = (error: Failure): string => `${error.code} ${error.message}`;
