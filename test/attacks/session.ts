/** What one company leaves on a connection to the next: settings, savepoints, transactions that nobody ended. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import type { TenantHandle } from "../../core/tenant-db/tenant-pool.ts";
import type { Attack } from "./attack.ts";
import { failureOf, marksOf, seesItself, type World } from "./world.ts";

/** A statement that may run, alone and in a transaction, committed and rolled back; the next company finds nothing of it. */
const leaves = (name: string, defence: string, write: (world: World) => string): Attack => ({
  name,
  defence,
  control: seesItself,
  async run(world) {
    const { ofA, checkVictim } = world;
    const sql = write(world);
    await ofA.db.raw(sql).catch(() => undefined);
    await checkVictim();
    await ofA.transaction((db) => db.raw(sql)).catch(() => undefined);
    await checkVictim();
    const undone = ofA.transaction(async (db) => {
      await db.raw(sql);
      throw new Error("undone");
    });
    await undone.catch(() => undefined);
    await checkVictim();
  },
});

const left: readonly Attack[] = [
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
    },
  },
];

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

const scoped: readonly Attack[] = [
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
const savepoint = (name: string, trick: (db: TenantHandle["db"], world: World) => Promise<unknown>): Attack => ({
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

const inTransactions: readonly Attack[] = [
  savepoint("rolls a nested transaction back that changed the scope", (db, { b }) =>
    db.transaction(async (nested) => {
      await nested.raw("RESET ROLE");
      await nested.raw(`SET LOCAL search_path TO tenant_${b.id}`);
      throw new Error("changed its mind");
    }),
  ),
  savepoint("fails in a nested transaction", (db) => db.transaction((nested) => nested.raw("SELECT 1 / 0"))),
  savepoint("rolls back further than the transaction's own savepoints", async (db) => {
    for (const name of ["scope", "trx1", "trx2"])
      await db.transaction((nested) => nested.raw(`ROLLBACK TO SAVEPOINT ${name}`)).catch(() => undefined);
  }),
  {
    name: "gives its role back, and acts as the pool's own",
    defence: "a pool's role without rights",
    control: seesItself,
    async run({ ofA, b }) {
      for (const sql of ["RESET ROLE", "SET ROLE NONE", "SET LOCAL ROLE NONE"]) {
        const reading = ofA.transaction(async (db) => {
          await db.raw(sql);
          return (await db.raw(`SELECT metadata FROM tenant_${b.id}.customers`)).rows;
        });
        expect((await failureOf(reading)).code, sql).to.be.oneOf(["42501", "statement-not-allowed"]);
      }
    },
  },
  {
    name: "ends its transaction itself, and goes on behind it",
    defence: "a proven end",
    control: seesItself,
    async run({ ofA, b, checkVictim }) {
      for (const sql of ["COMMIT", "ROLLBACK", "COMMIT AND CHAIN", "ROLLBACK AND CHAIN"]) {
        await ofA.db.raw(sql).catch(() => undefined);
        await checkVictim();
        const behind = ofA.transaction(async (db) => {
          await db.raw(sql);
          return (await db.raw(`SELECT metadata FROM tenant_${b.id}.customers`)).rows;
        });
        expect(await behind.catch(() => []), sql).to.deep.equal([]);
        await checkVictim();
      }
    },
  },
  {
    name: "ends its transaction itself, and takes the connection out of it",
    defence: "a proven end",
    control: seesItself,
    async run({ ofA }) {
      const pid = await pidOf(ofA);
      const { code, message } = await failureOf(ofA.db.raw("COMMIT"));
      // A statement that is refused before it is sent costs nobody a connection.
      if (code !== "statement-not-allowed") {
        expect(message).to.include("ended the transaction");
        expect(await clientPort(ofA)).not.to.equal(pid);
      }
    },
  },
  {
    name: "goes away in the middle of a statement",
    defence: "clean connections only",
    control: seesItself,
    async run({ ofA, ofB, b }) {
      const port = await clientPort(ofA);
      await failureOf(ofA.db.raw("SELECT pg_sleep(0.5)").timeout(50));
      expect(await clientPort(ofB), "the victim on a connection that is still busy").not.to.equal(port);
      expect(await marksOf(ofB)).to.deep.equal([b.slug]);
    },
  },
  {
    name: "goes away in the middle of a transaction",
    defence: "clean connections only",
    control: seesItself,
    async run({ ofA, ofB, b }) {
      const client = ofA.db.client as { acquireConnection(): Promise<any>; releaseConnection(of: any): Promise<void> };
      const connection = await client.acquireConnection();
      await connection.query("BEGIN");
      await client.releaseConnection(connection);
      expect(await ofB.db.raw("SELECT txid_current_if_assigned() AS id").then(({ rows }) => rows[0].id)).to.equal(null);
      expect(await marksOf(ofB)).to.deep.equal([b.slug]);
    },
  },
  {
    name: "cancels a statement that may be another's by then",
    defence: "no cancelling",
    control: seesItself,
    async run({ ofA }) {
      expect(() => ofA.db("customers").timeout(50, { cancel: true })).to.throw("not supported");
    },
  },
  {
    name: "holds the only connection by a statement that never ends",
    defence: "statement timeout",
    control: seesItself,
    async run({ ofA, ofB, b }) {
      const [failure, marks] = await Promise.all([failureOf(ofA.db.raw("SELECT pg_sleep(60)")), marksOf(ofB)]);
      expect([failure.code, marks]).to.deep.equal(["57014", [b.slug]]);
    },
  },
  {
    name: "holds the only connection by a transaction that it forgot",
    defence: "idle transactions end",
    control: seesItself,
    async run({ ofA, ofB, b }) {
      const forgotten = await ofA.db.transaction();
      await forgotten("customers").update({ notes: "nunca" });
      const waiting = marksOf(ofB);
      await sleep(1_300);
      const late = await forgotten("customers")
        .first("id")
        .then(
          () => "still there",
          () => "gone",
        );
      await forgotten.rollback().catch(() => undefined);
      expect(late, "the forgotten transaction").to.equal("gone");
      expect(await waiting).to.deep.equal([b.slug]);
      expect(await ofA.db("customers").where({ notes: "nunca" })).to.deep.equal([]);
    },
  },
  {
    name: "loses its backend in the middle of a transaction",
    defence: "clean connections only",
    control: seesItself,
    async run({ ofA, ofB, b, platform }) {
      const cut = ofA.transaction(async (db) => {
        const pid = (await db.raw("SELECT pg_backend_pid() AS pid")).rows[0].pid;
        await platform.query("SELECT pg_terminate_backend($1)", [pid]);
        await db("customers").first("id");
      });
      await failureOf(cut);
      expect(await marksOf(ofB)).to.deep.equal([b.slug]);
    },
  },
  {
    name: "listens to what all handles send",
    defence: "withheld methods",
    control: seesItself,
    async run({ ofA, ofB }) {
      const heard: unknown[] = [];
      for (const method of ["on", "once", "addListener"] as const) {
        try {
          ofA.db[method]("query", (query: unknown) => void heard.push(query));
        } catch {
          // Refused: that is what should happen.
        }
      }
      await marksOf(ofB);
      expect(heard).to.deep.equal([]);
    },
  },
  {
    name: "closes the pool for everybody",
    defence: "withheld methods",
    control: seesItself,
    async run({ ofA, ofB, b }) {
      expect(() => ofA.db.destroy()).to.throw("not part of a tenant's handle");
      expect(await marksOf(ofB)).to.deep.equal([b.slug]);
    },
  },
  {
    name: "asks through the client that owns the pool",
    defence: "a handle of one's own",
    control: seesItself,
    async run({ ofA }) {
      const shared = Object.getPrototypeOf(ofA.db) as TenantHandle["db"];
      expect((await failureOf(shared.raw("SELECT * FROM customers"))).message).to.include("needs a tenant");
      expect((await failureOf(shared.transaction((db) => db.raw("SELECT 1")))).message).to.include("needs a tenant");
    },
  },
];

const pidOf = (handle: TenantHandle) => clientPort(handle);

/** Tells one connection of the pool's side from another, also behind a pooler: the driver's own socket. */
async function clientPort({ db }: TenantHandle): Promise<number> {
  const client = db.client as { acquireConnection(): Promise<any>; releaseConnection(of: any): Promise<void> };
  const connection = await client.acquireConnection();
  const port = connection.connection.stream.localPort as number;
  await client.releaseConnection(connection);
  return port;
}

export const sessionAttacks: readonly Attack[] = [...left, ...scoped, ...inTransactions];
