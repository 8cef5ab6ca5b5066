/** Reads tenants' catalogs for verification: one prepared statement each, and two more where it does not say that all is well. */
import pg from "pg";
import { connectionSettings, type Knex } from "../../../core/db.ts";
import { factsHash, factsJson, type Fact } from "../../../core/migrations/fingerprint.ts";
import { schemaClause, shapeQuery } from "../../../core/migrations/shape-query.ts";
import { schemaName } from "../../../core/tenant.ts";
import { quickQuery, quickVersions } from "./quick-query.ts";
import { rightsFacts } from "./rights.ts";

export interface SchemaSummary {
  /** What the registry says; null where it says nothing. */
  readonly version: string | null;
  readonly exists: boolean;
  /** Its mark is that of the registry's row. */
  readonly isOwn: boolean;
  /** See quick-query.ts; null of what is missing or another's, and on servers that it is not written for. */
  readonly quick: string | null;
}

/** Of the facts of shape and rights: a reference's hash where nothing differs. */
export interface SchemaHash {
  /** What the registry says at the same moment. */
  readonly version: string | null;
  readonly hash: string;
}

export interface SchemaReader {
  summarise(id: number): Promise<SchemaSummary>;
  readHash(id: number): Promise<SchemaHash>;
  /** With the version that they belong to. */
  readFacts(id: number): Promise<{ readonly version: string | null; readonly facts: Fact[] }>;
  query<Row extends pg.QueryResultRow>(sql: string, values: unknown[]): Promise<Row[]>;
}

/** A migration holds its tables for longer only when it rewrites them; whoever waits here is told 55P03. */
const patienceMs = 1_000;

/**
 * Lends one connection and ends it: a server process keeps for ever what it once read of a catalog, so none reads that
 * of the whole fleet.
 */
export async function withSchemaReader<T>(
  { databaseUrl, server }: { readonly databaseUrl: string; readonly server: number },
  work: (reader: SchemaReader) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({
    ...connectionSettings(databaseUrl, { name: "secretaria verify" }),
    lock_timeout: patienceMs,
    // Planned once for all tenants, and never compiled: planning takes as long as the rest.
    options: "-c plan_cache_mode=force_generic_plan -c jit=off",
  });
  client.on("error", () => {}); // The query that is under way rejects with it.
  await client.connect();
  try {
    return await work(readerOf(client, server));
  } finally {
    await client.end();
  }
}

function readerOf(client: pg.Client, server: number): SchemaReader {
  const summary = summaryQuery(server);
  const query: SchemaReader["query"] = async (sql, values) => (await client.query(sql, values)).rows;
  const ask = async <Row extends object>(name: string, text: string, id: number) =>
    (await client.query<Row>({ name, text, values: [schemaName(id), id] })).rows[0] as Row;
  return {
    query,
    summarise: (id) => ask<SchemaSummary>("summary", summary, id),
    readHash: (id) => ask<SchemaHash>("hash", hashQuery, id),
    async readFacts(id) {
      const [row] = await query<{ version: string | null; facts: string }>(factsQuery, [schemaName(id), id]);
      return { version: row?.version ?? null, facts: JSON.parse(row?.facts ?? "[]") as Fact[] };
    },
  };
}

/** Of one schema, as in SchemaSummary. */
export async function quickHash(db: Knex, server: number, schema: string): Promise<string | null> {
  const { rows } = await db.raw<{ rows: { hash: string | null }[] }>(
    `${quickClause("?", server)} SELECT hash FROM quick`,
    [schema],
  );
  return rows[0]?.hash ?? null;
}

function quickClause(schema: string, server: number): string {
  const isKnown = server >= quickVersions.from && server <= quickVersions.to;
  return isKnown ? quickQuery(schema, server) : `${schemaClause(schema)}, quick AS (SELECT NULL AS hash)`;
}

// CASE: a schema that is another's is not read.
function summaryQuery(server: number): string {
  return `${quickClause("$1", server)}
SELECT v.version, o.oid IS NOT NULL AS exists, coalesce(o.mark = 'secretaria tenant ' || v.uuid, false) AS "isOwn",
       CASE WHEN o.mark = 'secretaria tenant ' || v.uuid THEN (SELECT hash FROM quick) END AS quick
  FROM (SELECT) AS one
  LEFT JOIN public.tenant_versions v ON v.tenant_id = $2
  LEFT JOIN (SELECT oid, obj_description(oid, 'pg_namespace') AS mark FROM ns) o ON true`;
}

const hashQuery = `${shapeQuery("$1", rightsFacts)}
SELECT (SELECT version FROM public.tenant_versions WHERE tenant_id = $2) AS version, ${factsHash} AS hash FROM facts`;

const factsQuery = `${shapeQuery("$1", rightsFacts)}
SELECT (SELECT version FROM public.tenant_versions WHERE tenant_id = $2) AS version, ${factsJson} AS facts FROM facts`;
