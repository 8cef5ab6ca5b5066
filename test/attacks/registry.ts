/** Whoever may write a statement that the registry's role runs, in one company's name. */
import { expect } from "chai";
import type { Knex } from "../../core/db.ts";
import { openRegistry } from "../../core/registry.ts";
import type { Attack } from "./attack.ts";
import { failureOf, type World } from "./world.ts";

const tables = ["companies", "domains", "certificates", "subscriptions", "tenant_modules"];

async function withRegistry<T>({ platform }: World, work: (db: Knex.Transaction) => Promise<T>): Promise<T> {
  const registry = openRegistry(platform.databaseUrl, platform.ctx.secrets, "attacks registry");
  try {
    return await registry.transaction(work);
  } finally {
    await registry.destroy();
  }
}

const companiesIn = (db: Knex, table: string): Promise<number[]> => {
  const column = table === "companies" ? "id" : "company_id";
  return db(table).distinct(column).pluck(column);
};

const findsItself = (world: World): Promise<void> =>
  withRegistry(world, async (db) => {
    for (const table of tables) expect(await companiesIn(db, table), table).to.include(world.a.id);
  });

export const registryAttacks: readonly Attack[] = [
  {
    name: "reads other companies in the registry",
    defence: "rows of the registry",
    control: findsItself,
    run: (world) =>
      withRegistry(world, async (db) => {
        await db.raw("SET LOCAL app.current_tenant TO ??", [world.a.uuid]);
        for (const table of tables) expect(await companiesIn(db, table), table).to.deep.equal([world.a.id]);
      }),
  },
  {
    name: "reads the keys that the platform signs with",
    defence: "rows of the registry",
    control: findsItself,
    run: (world) =>
      withRegistry(world, async (db) => {
        expect(await db("signing_keys").distinct("purpose").pluck("purpose")).to.deep.equal(["tenant"]);
      }),
  },
  {
    name: "changes its own plan in the registry",
    defence: "rights of the registry's role",
    control: findsItself,
    async run(world) {
      for (const change of ["UPDATE subscriptions SET plan_id = plan_id", "UPDATE companies SET name = 'Minha'"])
        expect((await failureOf(withRegistry(world, async (db) => void (await db.raw(change))))).code).to.equal(
          "42501",
        );
    },
  },
];
