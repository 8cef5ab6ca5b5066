/** What a company does to the connections that it shares: gives its role back, ends what is not its own, goes away, holds on. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import type { TenantHandle } from "../../core/tenant-db/tenant-pool.ts";
import { runBelow, runBelowIn } from "../support/below-the-list.ts";
import type { Attack } from "./attack.ts";
import { failureOf, marksOf, seesItself } from "./world.ts";

/** The list refuses all of these; what is behind it has to hold by itself. */
const endings: readonly Attack[] = [
  {
    name: "gives its role back, and acts as the pool's own",
    defence: "a pool's role without rights",
    control: seesItself,
    async run({ ofA, b }) {
      for (const sql of ["RESET ROLE", "SET ROLE NONE", "SET LOCAL ROLE NONE"]) {
        expect((await failureOf(ofA.db.raw(sql))).code, sql).to.equal("statement-not-allowed");
        const reading = ofA.transaction(async (db) => {
          await runBelowIn(db, sql);
          return (await db.raw(`SELECT metadata FROM tenant_${b.id}.customers`)).rows;
        });
        expect((await failureOf(reading)).code, sql).to.equal("42501");
      }
    },
  },
  {
    name: "ends its transaction itself, and goes on behind it",
    defence: "a pool's role without rights",
    control: seesItself,
    async run({ ofA, b, checkVictim }) {
      for (const sql of ["COMMIT", "ROLLBACK", "COMMIT AND CHAIN", "ROLLBACK AND CHAIN"]) {
        await runBelow(ofA, sql).catch(() => undefined);
        await checkVictim();
        const behind = ofA.transaction(async (db) => {
          await runBelowIn(db, sql);
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
      for (const sql of ["COMMIT", "ROLLBACK"]) {
        const port = await clientPort(ofA);
        expect((await failureOf(runBelow(ofA, sql))).message, sql).to.include("ended the transaction");
        expect(await clientPort(ofA), sql).not.to.equal(port);
      }
    },
  },
];

const others: readonly Attack[] = [
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

/** Tells one connection of the pool's side from another, also behind a pooler: the driver's own socket. */
async function clientPort({ db }: TenantHandle): Promise<number> {
  const client = db.client as { acquireConnection(): Promise<any>; releaseConnection(of: any): Promise<void> };
  const connection = await client.acquireConnection();
  const port = connection.connection.stream.localPort as number;
  await client.releaseConnection(connection);
  return port;
}

export const connectionAttacks: readonly Attack[] = [...endings, ...others];
