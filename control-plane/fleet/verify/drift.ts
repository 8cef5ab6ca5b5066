/** What differs between a schema and its reference: as pairs of facts for who mends it, as differences for who reads it. */
import type { Fact, FactValue } from "../../../core/migrations/fingerprint.ts";

/** `expected` alone is missing, `actual` alone should not be there, both together were changed. */
export interface Change {
  readonly kind: string;
  readonly object: string;
  readonly expected?: Fact | undefined;
  readonly actual?: Fact | undefined;
}

/** One line to read. Null: it is not there, or should not be. */
export interface Difference {
  /** `type` and `default` are a column's; `role`, `member`, `owner` and `default privilege` lie outside the schema. */
  readonly kind: string;
  readonly object: string;
  /** What of the object was changed; absent where all of it is missing or too much. */
  readonly attribute?: string;
  readonly expected: string | null;
  readonly actual: string | null;
}

/** `<schema>` in every text becomes the schema's name, which is its role's too. */
export function inSchema(facts: readonly Fact[], schema: string): Fact[] {
  return JSON.parse(JSON.stringify(facts).replaceAll("<schema>", schema)) as Fact[];
}

/** In the order of the kinds' names. What follows from another change is left out: a missing table's columns, its grants, … */
export function findChanges(expected: readonly Fact[], actual: readonly Fact[]): Change[] {
  const wanted = new Map(expected.map((fact) => [keyOf(fact), fact]));
  const found = new Map(actual.map((fact) => [keyOf(fact), fact]));
  const keys = [...new Set([...wanted.keys(), ...found.keys()])].toSorted();
  const changes = keys.flatMap((key) => changeOf(wanted.get(key), found.get(key)));
  return changes.filter((change) => !changes.some((other) => explains(other, change)));
}

const keyOf = ({ kind, object }: Fact): string => `${kind} ${object}`;

function changeOf(expected: Fact | undefined, actual: Fact | undefined): Change[] {
  const { kind, object } = (expected ?? actual) as Fact;
  // Rights are facts only where they are wrong; `wanted` says in which way.
  if (actual?.is["wanted"] === true) return [{ kind, object, expected: actual }];
  if (expected !== undefined && actual !== undefined && attributesOf(expected, actual).length === 0) return [];
  return [{ kind, object, expected, actual }];
}

/** Names of what two facts have differently. */
export function attributesOf(expected: Fact, actual: Fact): string[] {
  const names = new Set([...Object.keys(expected.is), ...Object.keys(actual.is)]);
  return [...names].filter((name) => (expected.is[name] ?? null) !== (actual.is[name] ?? null)).toSorted();
}

const isWhole = ({ expected, actual }: Change): boolean => expected === undefined || actual === undefined;

/** `cause` was told, and `change` cannot be otherwise then. */
function explains(cause: Change, change: Change): boolean {
  if (cause === change) return false;
  const is = (change.expected ?? change.actual)?.is ?? {};
  const isNumber = cause.kind === "column" && change.kind === "sequence" && is["of"] === cause.object;
  if (!isWhole(cause))
    return isIndexOf(cause, change) || (isNumber && cause.expected?.is["identity"] !== cause.actual?.is["identity"]);
  if (cause.kind === "table") return is["on"] === cause.object || ownerTable(is["of"]) === cause.object;
  if (cause.kind === "column") return isNumber;
  if (cause.kind === "role" && cause.expected?.is["attribute"] === undefined) {
    return cause.expected !== undefined && (is["to"] === cause.object || change.kind === "member");
  }
  if (cause.kind === "sequence") return change.kind === "grant" && is["on"] === cause.object;
  return isIndexOf(cause, change);
}

const isIndexOf = (cause: Change, { kind, expected, actual }: Change): boolean =>
  kind === "index" &&
  cause.kind === "constraint" &&
  [expected, actual].every(
    (fact) => fact === undefined || cause.object === `${fact.is["on"]}.${fact.is["constraint"]}`,
  );

const ownerTable = (column: FactValue | undefined): string | undefined =>
  typeof column === "string" ? column.slice(0, column.lastIndexOf(".")) : undefined;

/** A change as lines: one for what is missing or too much, one for each attribute that was changed. */
export function describeChange({ kind, object: known, expected, actual }: Change): Difference[] {
  const fact = (expected ?? actual) as Fact;
  const object = readable(kind, known, fact);
  if (kind === "owner") {
    return [{ kind, object, attribute: "owner", expected: "the platform's", actual: textOf(fact.is["owner"]) }];
  }
  if (expected === undefined || actual === undefined) {
    return [{ kind, object, expected: summary(expected), actual: summary(actual) }];
  }
  return attributesOf(expected, actual).map((attribute) => ({
    kind: kind === "column" && (attribute === "type" || attribute === "default") ? attribute : kind,
    object,
    attribute,
    expected: textOf(expected.is[attribute]),
    actual: textOf(actual.is[attribute]),
  }));
}

/** `SELECT on customers to PUBLIC` instead of a key. */
function readable(kind: string, object: string, { is }: Fact): string {
  if (kind === "owner") return String(is["on"] ?? is["routine"] ?? "schema");
  const on = { grant: is["on"] ?? "the schema", "default privilege": sorts[String(is["class"])] ?? is["class"] }[kind];
  if (on === undefined) return object;
  const column = is["column"] === undefined ? "" : ` (${is["column"]})`;
  return `${is["privilege"]}${column} on ${on} to ${is["to"]}${is["option"] === true ? " with grant option" : ""}`;
}

const sorts: Readonly<Record<string, string>> = { r: "tables", S: "sequences", f: "functions", T: "types" };

const textOf = (value: FactValue | undefined): string | null =>
  value === null || value === undefined ? null : String(value);

function summary(fact: Fact | undefined): string | null {
  if (fact === undefined) return null;
  const { is } = fact;
  if (fact.kind === "column") {
    const value = is["default"] === null ? [] : [`DEFAULT ${is["default"]}`];
    return [is["type"], ...(is["notnull"] === true ? ["NOT NULL"] : []), ...value].join(" ");
  }
  return textOf(is["definition"] ?? is["labels"] ?? is["privilege"]) ?? "";
}
