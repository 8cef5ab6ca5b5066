/** A table as CSV text, out of the database and into it. */
import { pipeline } from "node:stream/promises";
import type { Readable } from "node:stream";
import pg from "pg";
import { from as copyFrom, to as copyTo } from "pg-copy-streams";
import { meterCsv, type CsvMeter, type CsvSum } from "../file/csv-meter.ts";
import type { TenantTable } from "./tenant-tables.ts";

const identifiers = (names: readonly string[]): string => names.map((name) => pg.escapeIdentifier(name)).join(", ");

/** All rows in one order. Left unread the connection is of no use any more. */
export function copyOut(connection: pg.Client, schema: string, table: TenantTable): Readable {
  const from = `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(table.name)}`;
  // By SELECT: COPY of a table itself leaves a partitioned one's rows out.
  const select = `SELECT ${identifiers(table.columns)} FROM ${from} AS ${pg.escapeIdentifier(table.name)} ORDER BY ${table.order}`;
  return connection.query(copyTo(`COPY (${select}) TO STDOUT (FORMAT csv, HEADER)`));
}

/** The rows of `copyOut`, or of nobody when the text is damaged: the transaction is over then. */
export async function copyIn(
  connection: pg.Client,
  { schema, table, text }: { readonly schema: string; readonly table: TenantTable; readonly text: Readable },
): Promise<CsvSum> {
  const into = `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(table.name)} (${identifiers(table.columns)})`;
  const meter = meterCsv();
  // The header is held against the columns: a file whose columns changed places is refused.
  const sink = connection.query(copyFrom(`COPY ${into} FROM STDIN (FORMAT csv, HEADER MATCH)`));
  await pipeline(text, meter.stream, sink);
  return meter.sum();
}

/** What the table's rows would be in an archive. */
export async function sumTable(connection: pg.Client, schema: string, table: TenantTable): Promise<CsvSum> {
  const meter = meterCsv();
  const drained = async (text: AsyncIterable<unknown>) => {
    for await (const _ of text);
  };
  await pipeline(copyOut(connection, schema, table), meter.stream, drained);
  return meter.sum();
}

/** The table's rows through a meter. */
export function meteredCopy(connection: pg.Client, schema: string, table: TenantTable): CsvMeter {
  const meter = meterCsv();
  // An error of either ends the other; who reads the meter's stream is told.
  pipeline(copyOut(connection, schema, table), meter.stream).catch(() => undefined);
  return meter;
}
