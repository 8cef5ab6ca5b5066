/** What a client or a program of one company does in its turn. Each leaves connections in another state. */
import type { TenantHandle, TenantPool } from "../../core/tenant-db/tenant-pool.ts";
import { isServiceDown } from "../../core/errors.ts";
import { runBelow } from "../../test/support/below-the-list.ts";
import type { Random } from "../chaos/random.ts";
import type { SoakAnswer, SoakClient } from "./http-client.ts";
import type { Ledger } from "./ledger.ts";
import type { SoakTenant } from "./tenants.ts";

export interface Turn {
  readonly number: number;
  readonly tenant: SoakTenant;
  readonly other: SoakTenant;
  readonly random: Random;
  readonly client: SoakClient;
  readonly pool: TenantPool;
  readonly ledger: Ledger;
}

type Move = (turn: Turn) => Promise<void>;
interface Row {
  readonly metadata: { readonly of?: string };
}

/** The answer when it has the status; what says that a server was away counts as refused, all else as unexpected. */
function expectStatus({ ledger }: Turn, answer: SoakAnswer | undefined, status: number, what: string) {
  if (answer?.status === status) return answer.body;
  if (answer === undefined || answer.status === 503) ledger.counts.refused += 1;
  else ledger.isUnexpected(`${what} answered ${answer.status} ${JSON.stringify(answer.body).slice(0, 200)}`);
  return undefined;
}

const pathOf = ({ random }: Turn, tenant: SoakTenant): string =>
  `/v1/customers/${tenant.rows[Math.floor(random.between(0, tenant.rows.length))]}`;

const readOne: Move = async (turn) => {
  const { client, tenant, ledger } = turn;
  const body = expectStatus(turn, await client.ask(tenant, { method: "GET", path: pathOf(turn, tenant) }), 200, "GET");
  if (body) ledger.see(tenant, [body as unknown as Row], "GET");
};

const list: Move = async (turn) => {
  const { client, tenant, ledger } = turn;
  const answer = await client.ask(tenant, { method: "GET", path: "/v1/customers?limit=10" });
  const body = expectStatus(turn, answer, 200, "the list");
  if (body) ledger.see(tenant, body["customers"] as Row[], "the list");
};

const add: Move = async (turn) => {
  const { client, tenant, ledger, number } = turn;
  ledger.writes(tenant, number);
  const body = { name: `turn ${number}`, metadata: { of: tenant.slug, turn: number } };
  const added = expectStatus(
    turn,
    await client.ask(tenant, { method: "POST", path: "/v1/customers", body }),
    201,
    "POST",
  );
  if (added === undefined) return;
  ledger.see(tenant, [added as unknown as Row], "POST");
  ledger.wrote(number);
};

const change: Move = async (turn) => {
  const { client, tenant, ledger } = turn;
  const body = { notes: tenant.slug };
  const answer = await client.ask(tenant, { method: "PATCH", path: pathOf(turn, tenant), body });
  const changed = expectStatus(turn, answer, 200, "PATCH");
  if (changed) ledger.see(tenant, [changed as unknown as Row], "PATCH");
};

const othersRow: Move = async (turn) => {
  const { client, tenant, other } = turn;
  const answer = await client.ask(tenant, { method: "PATCH", path: pathOf(turn, other), body: { notes: tenant.slug } });
  expectStatus(turn, answer, 404, "another's row");
};

const othersHost: Move = async (turn) => {
  const { client, tenant, other } = turn;
  const answer = await client.ask(other, { method: "GET", path: "/v1/customers", as: tenant });
  expectStatus(turn, answer, 403, "another's host");
};

const giveUp: Move = async (turn) => {
  const { client, tenant, ledger, number, random } = turn;
  ledger.counts.aborted += 1;
  const abortAfterMs = random.between(0, 12);
  const isWrite = random.between(0, 1) < 0.5;
  if (isWrite) ledger.writes(tenant, number);
  const body = { name: `turn ${number}`, metadata: { of: tenant.slug, turn: number } };
  const write = { method: "POST", path: "/v1/customers", body, abortAfterMs };
  const read = { method: "GET", path: "/v1/customers?limit=50", abortAfterMs };
  const answer = await client.ask(tenant, isWrite ? write : read);
  if (answer?.status === 200) ledger.see(tenant, answer.body["customers"] as Row[], "a list given up");
  if (answer?.status === 201) ledger.wrote(number);
};

const look = async (turn: Turn, db: TenantHandle["db"], what: string): Promise<void> =>
  turn.ledger.see(turn.tenant, (await db("customers").select("metadata").limit(5)) as Row[], what);

/** On a handle; what it fails with says how it ended. */
const onHandle =
  (work: (handle: TenantHandle, turn: Turn) => Promise<unknown>, failsWith: readonly string[] = []): Move =>
  async (turn) => {
    const { pool, tenant, ledger } = turn;
    try {
      await work(pool.forTenant(tenant), turn);
    } catch (error) {
      const { code = "", name, message } = error as Error & { code?: string };
      if (code === "57014" || name === "KnexTimeoutError") ledger.counts.timedOut += 1;
      else if (isServiceDown(error)) ledger.counts.refused += 1;
      else if (!failsWith.some((text) => code === text || message.endsWith(text)))
        ledger.isUnexpected(`${code} ${message}`);
    }
  };

const nested = onHandle(({ transaction }, turn) =>
  transaction(async (db) => {
    await look(turn, db, "a transaction");
    await db
      .transaction(async (inner) => {
        await inner("customers").update({ metadata: { of: "nobody" } });
        throw new Error("undone");
      })
      .catch((error: Error) => {
        if (error.message !== "undone") throw error;
      });
    await look(turn, db, "a transaction, behind a savepoint");
  }),
);

const abandon = onHandle(
  ({ transaction }) =>
    transaction(async (db) => {
      await db("customers").update({ metadata: { of: "nobody" } });
      throw new Error("abandoned");
    }),
  ["abandoned"],
);

const sleepTooLong = onHandle(({ db }) => db.raw("SELECT pg_sleep(5)"));
const leaveEarly = onHandle(({ db }, { random }) => db.raw("SELECT pg_sleep(0.1)").timeout(random.between(2, 20)));
const fail = onHandle(({ db }) => db.raw("SELECT 1 / (random() * 0)::int"), ["22012"]);
const reach = onHandle(({ db }, { other }) => db.raw(`SELECT * FROM tenant_${other.id}.customers`), ["42501"]);

/** Below the handle's list, which would refuse most of it: what it sets must not outlive it. */
const soil = onHandle(
  (handle, { other, random }) =>
    runBelow(
      handle,
      random.pick([`SET search_path TO tenant_${other.id}`, "SET ROLE NONE", "SELECT pg_advisory_lock_shared(1)"]),
    ),
  ["42501"],
);

const endIt = onHandle((handle) => runBelow(handle, "COMMIT"), ["the statement ended the transaction that it was in"]);

/** How often each comes, of all. */
const weighted: readonly (readonly [number, Move])[] = [
  [34, readOne],
  [14, list],
  [12, add],
  [10, change],
  [3, othersRow],
  [3, othersHost],
  [6, giveUp],
  [4, onHandle((handle, turn) => look(turn, handle.db, "a statement"))],
  [4, nested],
  [2, abandon],
  [0.15, sleepTooLong],
  [1, leaveEarly],
  [2, fail],
  [2, reach],
  [2, soil],
  [0.85, endIt],
];

const total = weighted.reduce((sum, [weight]) => sum + weight, 0);

export function pickMove(random: Random): Move {
  let left = random.between(0, total);
  for (const [weight, move] of weighted) {
    left -= weight;
    if (left < 0) return move;
  }
  return readOne;
}
