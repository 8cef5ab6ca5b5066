/** Grants, owners, roles: too much is taken, what lacks is given. */
import type { Fact } from "../../../../core/migrations/fingerprint.ts";
import { grantStatements, roleStatements } from "../../../../core/migrations/tenant-schema.ts";
import { regrant } from "../../../lifecycle/resources/database.ts";
import type { Change } from "../drift.ts";
import { quote, roleOf, tableOf, text, type Mend, type Patient } from "./mend.ts";

export function mendGrant({ expected, actual }: Change, { schema }: Patient): Mend[] {
  const grant = (expected ?? actual) as Fact;
  const [privilege, to] = [text(grant, "privilege"), roleOf(text(grant, "to"))];
  const what = `${privilege}${grant.is["column"] === undefined ? "" : ` (${quote(text(grant, "column"))})`} ON ${onWhat(grant, schema)}`;
  if (actual === undefined) return [{ sql: [`GRANT ${what} TO ${to}`] }];
  const keepsPrivilege = expected !== undefined || (text(grant, "to") === schema && isUsual(actual));
  return [{ sql: [`REVOKE ${keepsPrivilege ? "GRANT OPTION FOR " : ""}${what} FROM ${to}`] }];
}

/** Only that it may be passed on is too much. */
const isUsual = ({ is }: Fact): boolean =>
  is["option"] === true &&
  is["wanted"] === false &&
  (is["class"] === "schema" ? is["privilege"] === "USAGE" : is["class"] === "r" && dml.has(String(is["privilege"])));

const dml = new Set(["SELECT", "INSERT", "UPDATE", "DELETE"]);

function onWhat(grant: Fact, schema: string): string {
  if (grant.is["class"] === "schema") return `SCHEMA ${quote(schema)}`;
  return `${grant.is["class"] === "S" ? "SEQUENCE" : "TABLE"} ${tableOf(grant)}`;
}

/** The one who runs it: the script takes on the platform's owner. */
export function mendOwner({ actual }: Change, { schema }: Patient): Mend[] {
  const fact = actual as Fact;
  const what = owned[text(fact, "class")] ?? "TABLE";
  const name = { SCHEMA: quote(schema), ROUTINE: text(fact, "routine") }[what] ?? tableOf(fact);
  return [{ sql: [`ALTER ${what} ${name} OWNER TO CURRENT_USER`] }];
}

const owned: Readonly<Record<string, string>> = {
  schema: "SCHEMA",
  function: "ROUTINE",
  v: "VIEW",
  m: "MATERIALIZED VIEW",
  S: "SEQUENCE",
};

export function mendDefaultPrivilege({ expected, actual }: Change, { schema }: Patient): Mend[] {
  const fact = (expected ?? actual) as Fact;
  const by = fact.is["by"] === undefined ? "" : ` FOR ROLE ${roleOf(text(fact, "by"))}`;
  const verb = actual === undefined ? "GRANT" : "REVOKE";
  const kinds = kindsOf[text(fact, "class")] ?? "TABLES";
  const whom = `${actual === undefined ? "TO" : "FROM"} ${roleOf(text(fact, "to"))}`;
  return [
    {
      sql: [
        `ALTER DEFAULT PRIVILEGES${by} IN SCHEMA ${quote(schema)} ${verb} ${text(fact, "privilege")} ON ${kinds} ${whom}`,
      ],
    },
  ];
}

const kindsOf: Readonly<Record<string, string>> = { r: "TABLES", S: "SEQUENCES", f: "FUNCTIONS", T: "TYPES" };

export function mendRole({ expected, actual }: Change, { owner }: Patient): Mend[] {
  const fact = (expected ?? actual) as Fact;
  const role = quote(text(fact, "role"));
  const attribute = text(fact, "attribute");
  if (attribute !== "") return [{ sql: [`ALTER ROLE ${role} ${expected === undefined ? "NO" : ""}${attribute}`] }];
  if (expected !== undefined)
    return [{ sql: [...roleStatements(owner), ...grantStatements(owner), ...regrant(owner)] }];
  const database = text(fact, "database") === "" ? "" : ` IN DATABASE ${quote(text(fact, "database"))}`;
  return [{ sql: [`ALTER ROLE ${role}${database} RESET ${quote(text(fact, "setting"))}`] }];
}

export function mendMember({ expected, actual }: Change): Mend[] {
  const fact = (expected ?? actual) as Fact;
  const [group, member] = [quote(text(fact, "group")), quote(text(fact, "member"))];
  if (expected !== undefined) return [{ sql: [`GRANT ${group} TO ${member}`] }];
  const option = text(fact, "option") === "" ? "" : `${text(fact, "option")} OPTION FOR `;
  return [{ sql: [`REVOKE ${option}${group} FROM ${member}`] }];
}
