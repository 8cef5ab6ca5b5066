import type { Fact } from "../../../../core/migrations/fingerprint.ts";
import { attributesOf, type Change } from "../drift.ts";
import { columnDefinition } from "./mend-columns.ts";
import { addConstraint, createIndex } from "./mend-objects.ts";
import { mendGrant } from "./mend-rights.ts";
import { decide, holdsData, literal, quote, text, type Mend, type Patient } from "./mend.ts";

export function mendTable({ object, expected, actual }: Change, patient: Patient): Mend[] {
  const name = quote(object);
  const view = text((expected ?? actual) as Fact, "view");
  if (expected === undefined) return [decide(holdsData, `DROP ${view === "" ? "TABLE" : "VIEW"} ${name}`)];
  if (text(expected, "kind") === "v")
    return [{ sql: [`CREATE OR REPLACE VIEW ${name} AS ${view.trim().replace(/;$/, "")}`] }];
  if (actual === undefined) {
    return [
      decide(
        "its rows went with it: restore them from a backup or an export. Made anew it is empty",
        ...remake(object, patient),
      ),
    ];
  }
  // Parted, but without what a month that nobody prepared would go into.
  if (text(expected, "kind") === "r" && text(actual, "kind") === "p")
    return [{ sql: [`CREATE TABLE ${quote(`${object}_default`)} PARTITION OF ${name} DEFAULT`] }];
  return attributesOf(expected, actual).map((attribute) => {
    const isOn = expected.is[attribute] === true;
    if (attribute === "rls") return { sql: [`ALTER TABLE ${name} ${isOn ? "ENABLE" : "DISABLE"} ROW LEVEL SECURITY`] };
    if (attribute === "forced") return { sql: [`ALTER TABLE ${name} ${isOn ? "" : "NO "}FORCE ROW LEVEL SECURITY`] };
    return decide("another kind of table is a new table, to which the rows are brought");
  });
}

/** A missing table as it was: with keys, indexes and rights. */
function remake(table: string, patient: Patient): string[] {
  const { expected } = patient;
  const of = (kind: string) => expected.filter((fact) => fact.kind === kind && fact.is["on"] === table);
  const head = expected.find(({ kind, object }) => kind === "table" && object === table) as Fact;
  const parted = text(head, "partition");
  return [
    `CREATE TABLE ${quote(table)} (${of("column").map(columnDefinition).join(", ")})${parted === "" ? "" : ` PARTITION BY ${parted}`}`,
    ...of("constraint").flatMap((constraint) => addConstraint(constraint, patient)),
    ...of("index")
      .filter(({ is }) => is["constraint"] === null)
      .map(createIndex),
    ...of("grant").flatMap((grant) =>
      mendGrant({ kind: "grant", object: grant.object, expected: grant }, patient).flatMap(({ sql }) => sql),
    ),
  ];
}

export function mendPartition({ expected, actual }: Change, { schema }: Patient): Mend[] {
  if (expected === undefined) return [decide(holdsData, `DROP TABLE ${quote(text(actual as Fact, "name"))}`)];
  if (expected.is["month"] !== undefined)
    return [{ sql: [`SELECT public.ensure_month_partitions(${literal(schema)}, 2)`] }];
  const create = `CREATE TABLE ${text(expected, "name")} PARTITION OF ${quote(text(expected, "on"))} DEFAULT`;
  return actual === undefined ? [{ sql: [create] }] : [decide(holdsData, create)];
}
