/** What one company leaves on a connection to the next: settings, prepared statements, cursors, locks. */
import type { Knex } from "knex";
import { runBelow, runBelowIn } from "../support/below-the-list.ts";
import type { Attack } from "./attack.ts";
import { seesItself, type World } from "./world.ts";

/**
 * A statement alone and in a transaction, committed and rolled back, by the handle and below its list: the next company
 * finds nothing of it.
 */
const leaves = (name: string, defence: string, write: (world: World) => string): Attack => ({
  name,
  defence,
  control: seesItself,
  async run(world) {
    const { ofA, checkVictim } = world;
    const sql = write(world);
    const alone = [() => ofA.db.raw(sql), () => runBelow(ofA, sql)];
    const within = [(db: Knex.Transaction) => db.raw(sql), (db: Knex.Transaction) => runBelowIn(db, sql)];
    for (const send of alone) {
      await Promise.resolve(send()).catch(() => undefined);
      await checkVictim();
    }
    for (const send of within) {
      await ofA.transaction(async (db) => void (await send(db))).catch(() => undefined);
      await checkVictim();
      const undone = ofA.transaction(async (db) => {
        await send(db);
        throw new Error("undone");
      });
      await undone.catch(() => undefined);
      await checkVictim();
    }
  },
});

export const leftBehindAttacks: readonly Attack[] = [
  leaves("keeps its role", "cleaning of a session", ({ a }) => `SET ROLE tenant_${a.id}`),
  leaves("keeps its search_path", "cleaning of a session", ({ a }) => `SET search_path TO tenant_${a.id}`),
  leaves("keeps its identity", "cleaning of a session", ({ a }) => `SET app.current_tenant TO '${a.uuid}'`),
  leaves("changes the time zone", "cleaning of a session", () => "SET TimeZone TO 'Asia/Tokyo'"),
  leaves("takes the statement timeout away", "cleaning of a session", () => "SET statement_timeout TO '1h'"),
  leaves("listens on", "cleaning of a session", () => "LISTEN secretaria_registry"),
  leaves("prepares a statement", "cleaning of a session", () => "PREPARE kept AS SELECT 1"),
  leaves(
    "holds a cursor over its rows",
    "cleaning of a session",
    () => "DECLARE kept CURSOR WITH HOLD FOR SELECT * FROM customers",
  ),
  leaves("holds an advisory lock", "functions that change a session", () => "SELECT pg_advisory_lock(7)"),
  leaves(
    "changes a setting by a function",
    "functions that change a session",
    () => "SELECT set_config('TimeZone', 'Asia/Tokyo', false)",
  ),
  leaves(
    "hides the function's name in an escape",
    "functions that change a session",
    () => `SELECT U&"set\\005fconfig"('TimeZone', 'Asia/Tokyo', false)`,
  ),
  {
    name: "names a prepared statement in the query's options",
    defence: "nameless statements",
    control: seesItself,
    async run({ ofA }) {
      await ofA.db("customers").options({ name: "kept" }).first("id");
      await ofA.transaction(async (db) => void (await db("customers").options({ name: "kept" }).first("id")));
    },
  },
];
