/** Constraints, indexes, triggers, policies, functions and types: what hangs on tables and holds no data of its own. */
import type { Fact } from "../../../../core/migrations/fingerprint.ts";
import { attributesOf, type Change } from "../drift.ts";
import { decide, nameOf, quote, tableOf, text, type Mend, type Patient } from "./mend.ts";

const someone = "no migration made it, but somebody may count on it";

/** FOREIGN KEY and CHECK look at the rows only after the new rows are held to it; other constraints make their index. */
export function mendConstraint({ expected, actual }: Change, patient: Patient): Mend[] {
  const table = `ALTER TABLE ${tableOf((expected ?? actual) as Fact)}`;
  const name = nameOf((expected ?? actual) as Fact);
  if (expected === undefined) return [decide(someone, `${table} DROP CONSTRAINT ${name}`)];
  const validate = `${table} VALIDATE CONSTRAINT ${name}`;
  const changed = actual === undefined ? [] : attributesOf(expected, actual);
  if (changed.join() === "valid" && expected.is["valid"] === true) return [{ sql: [validate] }];
  const add = addConstraint(expected, patient);
  if (actual === undefined) return [{ sql: add }];
  const sql = [`${table} DROP CONSTRAINT ${name}`, ...add];
  return isChecked(expected) && isChecked(actual)
    ? [{ sql }]
    : [decide("what refers to the key goes with it, and its index is made anew while the table is locked", ...sql)];
}

const isChecked = (constraint: Fact): boolean => ["c", "f"].includes(text(constraint, "class"));

export function addConstraint(constraint: Fact, { parted }: Patient): string[] {
  const table = `ALTER TABLE ${tableOf(constraint)}`;
  const add = `${table} ADD CONSTRAINT ${nameOf(constraint)} ${text(constraint, "definition")}`;
  // Before version 18 a partitioned table takes no foreign key that is not valid.
  if (!isChecked(constraint) || parted.includes(text(constraint, "on"))) return [add];
  const later = `${add} NOT VALID`;
  return constraint.is["valid"] === true ? [later, `${table} VALIDATE CONSTRAINT ${nameOf(constraint)}`] : [later];
}

export function mendIndex({ expected, actual }: Change): Mend[] {
  if (expected === undefined) return [decide(someone, `DROP INDEX ${nameOf(actual as Fact)}`)];
  const create = createIndex(expected);
  if (actual === undefined) return [{ sql: [create] }];
  const drop = `DROP INDEX ${nameOf(expected)}`;
  if (expected.is["constraint"] !== null || actual.is["constraint"] !== null) {
    return [decide("it belongs to a constraint", drop, create)];
  }
  return [{ sql: [drop, create] }];
}

export const createIndex = (index: Fact): string => text(index, "definition");

export function mendTrigger({ expected, actual }: Change): Mend[] {
  const trigger = (expected ?? actual) as Fact;
  const drop = `DROP TRIGGER ${nameOf(trigger)} ON ${tableOf(trigger)}`;
  if (expected === undefined) return [decide(someone, drop)];
  const enable = `ALTER TABLE ${tableOf(expected)} ${enabling[text(expected, "enabled")] ?? "ENABLE"} TRIGGER ${nameOf(expected)}`;
  if (actual !== undefined && text(actual, "definition") === text(expected, "definition")) return [{ sql: [enable] }];
  return [{ sql: [...(actual === undefined ? [] : [drop]), text(expected, "definition"), enable] }];
}

const enabling: Readonly<Record<string, string>> = {
  O: "ENABLE",
  D: "DISABLE",
  R: "ENABLE REPLICA",
  A: "ENABLE ALWAYS",
};

export function mendPolicy({ expected, actual }: Change): Mend[] {
  const policy = (expected ?? actual) as Fact;
  const drop = `DROP POLICY ${nameOf(policy)} ON ${tableOf(policy)}`;
  if (expected === undefined) return [decide("somebody may see other rows with it, or without it", drop)];
  return [{ sql: [...(actual === undefined ? [] : [drop]), createPolicy(expected)] }];
}

function createPolicy(policy: Fact): string {
  const [using, check] = [text(policy, "using"), text(policy, "check")];
  return [
    `CREATE POLICY ${nameOf(policy)} ON ${tableOf(policy)}`,
    `AS ${policy.is["permissive"] === true ? "PERMISSIVE" : "RESTRICTIVE"}`,
    `FOR ${commands[text(policy, "command")] ?? "ALL"} TO ${text(policy, "roles")}`,
    ...(using === "" ? [] : [`USING (${using})`]),
    ...(check === "" ? [] : [`WITH CHECK (${check})`]),
  ].join(" ");
}

const commands: Readonly<Record<string, string>> = { r: "SELECT", a: "INSERT", w: "UPDATE", d: "DELETE" };

export function mendFunction({ object, expected, actual }: Change): Mend[] {
  if (expected !== undefined) return [{ sql: [text(expected, "definition").trim()] }];
  const what = text(actual as Fact, "class") === "p" ? "PROCEDURE" : "FUNCTION";
  const split = object.indexOf("(");
  return [decide(someone, `DROP ${what} ${quote(object.slice(0, split))}${object.slice(split)}`)];
}

export function mendType({ object, expected, actual }: Change): Mend[] {
  const isDomain = text((expected ?? actual) as Fact, "class") === "d";
  const what = isDomain ? "DOMAIN" : "TYPE";
  if (expected === undefined) return [decide(someone, `DROP ${what} ${quote(object)}`)];
  const create = isDomain
    ? `CREATE DOMAIN ${quote(object)} AS ${text(expected, "definition")}`
    : `CREATE TYPE ${quote(object)} AS ENUM (${text(expected, "labels")})`;
  if (actual === undefined) return [{ sql: [create] }];
  return [
    decide(
      "columns of it hold values, and labels can be added but not taken away",
      `ALTER ${what} ${quote(object)} …`,
      create,
    ),
  ];
}
