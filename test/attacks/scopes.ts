/** Whose role, path and identity a statement has: in turns on one connection, behind failures, behind savepoints. */
import { expect } from "chai";
import type { Knex } from "knex";
import type { TenantHandle } from "../../core/tenant-db/tenant-pool.ts";
import { runBelowIn } from "../support/below-the-list.ts";
import type { Attack } from "./attack.ts";
import { failureOf, marksOf, seesItself, type World } from "./world.ts";

interface Scope {
  readonly user: string;
  readonly tenant: string;
  readonly path: string;
  readonly timeout: string;
}

const scopeOf = async (db: TenantHandle["db"]): Promise<Scope> =>
  (
    await db.raw(
      `SELECT current_user AS user, current_setting('app.current_tenant') AS tenant,
              current_setting('search_path') AS path, current_setting('statement_timeout') AS timeout`,
    )
  ).rows[0];

const expected = ({ id, uuid }: World["a"]): Scope => ({
  user: `tenant_${id}`,
  tenant: uuid,
  path: `tenant_${id}, extensions`,
  timeout: "1s",
});

/** The scope of each of two companies that take turns on one connection is its own, whatever happens in between. */
const turns = (name: string, defence: string, between: (world: World) => Promise<unknown>): Attack => ({
  name,
  defence,
  control: seesItself,
  async run(world) {
    const { ofA, ofB, a, b } = world;
    for (const [handle, company] of [
      [ofA, a],
      [ofB, b],
      [ofA, a],
    ] as const) {
      expect(await scopeOf(handle.db)).to.deep.equal(expected(company));
      expect(await handle.transaction(scopeOf)).to.deep.equal(expected(company));
      expect(await marksOf(handle)).to.deep.equal([company.slug]);
      await between(world);
    }
  },
});

const abandoned = ({ ofA }: World): Promise<unknown> =>
  failureOf(
    ofA.transaction(async (db) => {
      await db("customers").update({ notes: "nunca" });
      throw new Error("abandoned");
    }),
  );

const takingTurns: readonly Attack[] = [
  turns("waits for its turn with another's identity", "identity of a tenant", () => Promise.resolve()),
  turns("waits for its turn with another's path", "search path of a tenant", () => Promise.resolve()),
  turns("waits for its turn with another's role", "role of a tenant", () => Promise.resolve()),
  turns("fails in the middle of a statement", "settings end with the transaction", ({ ofA }) =>
    failureOf(ofA.db.raw("SELECT 1 / 0")),
  ),
  turns("abandons a transaction", "settings end with the transaction", abandoned),
  turns("asks for a handle in another's name at the same time", "a handle of one's own", ({ ofA, ofB }) =>
    Promise.all([
      marksOf(ofA),
      marksOf(ofB),
      ofA.transaction((db) => marksOf({ db })),
      ofB.transaction((db) => marksOf({ db })),
    ]),
  ),
];

/** Within one transaction the scope is the tenant's, before and after `trick`. */
const savepoint = (name: string, trick: (db: Knex.Transaction, world: World) => Promise<unknown>): Attack => ({
  name,
  defence: "scope before every savepoint",
  control: seesItself,
  async run(world) {
    await world.ofA.transaction(async (db) => {
      await trick(db, world).catch(() => undefined);
      expect(await scopeOf(db)).to.deep.equal(expected(world.a));
      expect(await marksOf({ db })).to.deep.equal([world.a.slug]);
    });
  },
});

const inSavepoints: readonly Attack[] = [
  savepoint("rolls a nested transaction back that changed the scope", (db, { b }) =>
    db.transaction(async (nested) => {
      await runBelowIn(nested, "RESET ROLE");
      await runBelowIn(nested, `SET LOCAL search_path TO tenant_${b.id}`);
      throw new Error("changed its mind");
    }),
  ),
  savepoint("fails in a nested transaction", (db) => db.transaction((nested) => nested.raw("SELECT 1 / 0"))),
  savepoint("rolls back further than the transaction's own savepoints", async (db) => {
    for (const name of ["scope", "trx1", "trx2"])
      await db.transaction((nested) => nested.raw(`ROLLBACK TO SAVEPOINT ${name}`)).catch(() => undefined);
  }),
  {
    name: "ends its transaction by the very text that Knex ends it with",
    defence: "only Knex ends a transaction",
    control: seesItself,
    async run({ ofA, a }) {
      for (const sql of ["COMMIT;", "ROLLBACK", "COMMIT", "ROLLBACK;"]) {
        await ofA.transaction(async (db) => {
          expect((await failureOf(db.raw(sql))).code, sql).to.equal("statement-not-allowed");
          expect(await scopeOf(db)).to.deep.equal(expected(a));
        });
      }
    },
  },
];

export const scopeAttacks: readonly Attack[] = [...takingTurns, ...inSavepoints];
