/** Reads tenants' catalogs for verification, each by one prepared statement. */
import pg from "pg";
import { connectionSettings } from "../../../core/db.ts";
import { factsHash, factsJson, type Fact } from "../../../core/migrations/fingerprint.ts";
import { shapeQuery } from "../../../core/migrations/shape-query.ts";
import { schemaName } from "../../../core/tenant.ts";
import { rightsFacts } from "./rights.ts";

export interface SchemaSummary {
  /** What the registry says; null where it says nothing. */
  readonly version: string | null;
  readonly exists: boolean;
  /** Its mark is that of the registry's row. */
  readonly isOwn: boolean;
  /** Of shape and rights: a reference's hash where nothing differs. Null of what is missing or another's. */
  readonly hash: string | null;
}

export interface SchemaReader {
  summarise(id: number): Promise<SchemaSummary>;
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
export async function withSchemaReader<T>(databaseUrl: string, work: (reader: SchemaReader) => Promise<T>): Promise<T> {
  const client = new pg.Client({
    ...connectionSettings(databaseUrl, { name: "secretaria verify" }),
    lock_timeout: patienceMs,
    // Planned once for all tenants, and never compiled: planning takes as long as the rest.
    options: "-c plan_cache_mode=force_generic_plan -c jit=off",
  });
  client.on("error", () => {}); // The query that is under way rejects with it.
  await client.connect();
  try {
    return await work(readerOf(client));
  } finally {
    await client.end();
  }
}

function readerOf(client: pg.Client): SchemaReader {
  const query: SchemaReader["query"] = async (sql, values) => (await client.query(sql, values)).rows;
  return {
    query,
    async summarise(id) {
      const prepared = { name: "summary", text: summaryQuery, values: [schemaName(id), id] };
      return (await client.query<SchemaSummary>(prepared)).rows[0] as SchemaSummary;
    },
    async readFacts(id) {
      const [row] = await query<{ version: string | null; facts: string }>(factsQuery, [schemaName(id), id]);
      return { version: row?.version ?? null, facts: JSON.parse(row?.facts ?? "[]") as Fact[] };
    },
  };
}

// CASE: a schema that is another's is not read.
const summaryQuery = `${shapeQuery("$1", rightsFacts)}
SELECT v.version, o.oid IS NOT NULL AS exists, coalesce(o.mark = 'secretaria tenant ' || v.uuid, false) AS "isOwn",
       CASE WHEN o.mark = 'secretaria tenant ' || v.uuid THEN (SELECT ${factsHash} FROM facts) END AS hash
  FROM (SELECT) AS one
  LEFT JOIN public.tenant_versions v ON v.tenant_id = $2
  LEFT JOIN (SELECT oid, obj_description(oid, 'pg_namespace') AS mark FROM ns) o ON true`;

const factsQuery = `${shapeQuery("$1", rightsFacts)}
SELECT (SELECT version FROM public.tenant_versions WHERE tenant_id = $2) AS version, ${factsJson} AS facts FROM facts`;
