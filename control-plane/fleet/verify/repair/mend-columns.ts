import type { Fact } from "../../../../core/migrations/fingerprint.ts";
import { attributesOf, type Change } from "../drift.ts";
import { decide, holdsData, nameOf, quote, tableOf, text, type Mend } from "./mend.ts";

export function mendColumn({ expected, actual }: Change): Mend[] {
  if (expected === undefined) {
    const extra = actual as Fact;
    return [decide(holdsData, `ALTER TABLE ${tableOf(extra)} DROP COLUMN ${nameOf(extra)}`)];
  }
  if (actual === undefined) return [addColumn(expected)];
  return attributesOf(expected, actual).map((attribute) => mendAttribute(attribute, expected, actual));
}

function addColumn(column: Fact): Mend {
  const statement = `ALTER TABLE ${tableOf(column)} ADD COLUMN ${columnDefinition(column)}`;
  if (text(column, "default").includes("nextval(")) return decide("its sequence has to be made first", statement);
  if (text(column, "identity") !== "") return decide("which numbers its rows had is not known", statement);
  const isEmpty = column.is["notnull"] === true && column.is["default"] === null;
  return isEmpty
    ? decide("what the rows that are there should have in it is not known", statement)
    : { sql: [statement] };
}

/** As in CREATE TABLE. */
export function columnDefinition(column: Fact): string {
  const [identity, generated, value] = [text(column, "identity"), text(column, "generated"), text(column, "default")];
  const collation = text(column, "collation");
  return [
    nameOf(column),
    text(column, "type"),
    ...(collation === "" ? [] : [`COLLATE ${collation}`]),
    ...(generated === "" ? [] : [`GENERATED ALWAYS AS (${value}) ${generated === "v" ? "VIRTUAL" : "STORED"}`]),
    ...(identity === "" ? [] : [`GENERATED ${always(identity)} AS IDENTITY`]),
    ...(value === "" || generated !== "" ? [] : [`DEFAULT ${value}`]),
    ...(column.is["notnull"] === true ? ["NOT NULL"] : []),
  ].join(" ");
}

const always = (identity: string): string => (identity === "a" ? "ALWAYS" : "BY DEFAULT");

function mendAttribute(attribute: string, expected: Fact, actual: Fact): Mend {
  const alter = `ALTER TABLE ${tableOf(expected)} ALTER COLUMN ${nameOf(expected)}`;
  const value = text(expected, attribute);
  if (text(expected, "generated") !== text(actual, "generated")) {
    return decide("a generated column is made anew, with its values", `${alter} DROP EXPRESSION`);
  }
  switch (attribute) {
    case "default":
      if (text(expected, "generated") !== "")
        return decide("the values are computed in another way", `${alter} SET EXPRESSION AS (${value})`);
      return { sql: [value === "" ? `${alter} DROP DEFAULT` : `${alter} SET DEFAULT ${value}`] };
    case "notnull":
      return { sql: [`${alter} ${expected.is["notnull"] === true ? "SET" : "DROP"} NOT NULL`] };
    case "identity":
      return mendIdentity(alter, expected, actual);
    default: {
      const type = [
        text(expected, "type"),
        ...(expected.is["collation"] ? [`COLLATE ${text(expected, "collation")}`] : []),
      ];
      const cast = `${nameOf(expected)}::${text(expected, "type")}`;
      return decide(
        "every value has to be converted, and the table is rewritten, locked, meanwhile",
        `${alter} TYPE ${type.join(" ")} USING ${cast}`,
      );
    }
  }
}

function mendIdentity(alter: string, expected: Fact, actual: Fact): Mend {
  const [wanted, found] = [text(expected, "identity"), text(actual, "identity")];
  if (wanted === "") return decide("rows get no number any more then", `${alter} DROP IDENTITY`);
  if (found !== "") return { sql: [`${alter} SET GENERATED ${always(wanted)}`] };
  const [table, column] = [tableOf(expected), nameOf(expected)];
  return { sql: [`${alter} ADD GENERATED ${always(wanted)} AS IDENTITY`, numberOn(table, column)] };
}

/** The next number comes after the largest that is there. */
export function numberOn(table: string, column: string): string {
  const sequence = `pg_get_serial_sequence('${table.replaceAll("'", "''")}', '${unquoted(column).replaceAll("'", "''")}')`;
  return `SELECT setval(${sequence}, coalesce(max(${column}), 0) + 1, false) FROM ${table}`;
}

const unquoted = (name: string): string => name.slice(1, -1).replaceAll('""', '"');

export function mendSequence({ object, expected, actual }: Change): Mend[] {
  const name = quote(object);
  if (expected === undefined) return [decide(holdsData, `DROP SEQUENCE ${name}`)];
  const of = text(expected, "of");
  const shape = `AS ${text(expected, "type")} INCREMENT BY ${text(expected, "increment")} START WITH ${text(expected, "start")} ${expected.is["cycle"] === true ? "CYCLE" : "NO CYCLE"}`;
  const owned = `OWNED BY ${of === "" ? "NONE" : of}`;
  if (actual !== undefined) return [{ sql: [`ALTER SEQUENCE ${name} ${shape} ${owned}`] }];
  const create = `CREATE SEQUENCE ${name} ${shape} ${owned}`;
  if (of === "") return [decide("which numbers were given away is not known", create)];
  const split = of.lastIndexOf(".");
  const [table, column] = [of.slice(0, split), of.slice(split + 1)];
  return [{ sql: [create, `SELECT setval(${literalOf(name)}, coalesce(max(${column}), 0) + 1, false) FROM ${table}`] }];
}

const literalOf = (name: string): string => `'${name.replaceAll("'", "''")}'`;
