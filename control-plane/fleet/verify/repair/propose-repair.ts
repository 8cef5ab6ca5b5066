import type { Fact } from "../../../../core/migrations/fingerprint.ts";
import { extensionSchema } from "../../../../core/migrations/tenant-schema.ts";
import { schemaName } from "../../../../core/tenant.ts";
import type { FleetContext } from "../../fleet-context.ts";
import { describeChange, type Change } from "../drift.ts";
import { printDifference, printVerdict } from "../print-verify.ts";
import { withSchemaReader } from "../schema-reader.ts";
import { withReferences } from "../references.ts";
import { verifyTenant, type Examination } from "../verify-tenant.ts";
import { mendColumn, mendSequence } from "./mend-columns.ts";
import { mendConstraint, mendFunction, mendIndex, mendPolicy, mendTrigger, mendType } from "./mend-objects.ts";
import { mendDefaultPrivilege, mendGrant, mendMember, mendOwner, mendRole } from "./mend-rights.ts";
import { mendPartition, mendTable } from "./mend-tables.ts";
import { decide, quote, type Mend, type Patient } from "./mend.ts";

/**
 * SQL that would make a tenant's schema what its version makes, in one transaction; runs nothing. Exact where nothing
 * can be lost by it. Where a person must decide it is a comment with the reason: no table, column or sequence goes, and
 * nothing that no migration made, unless somebody takes the comment's dashes away. What is replaced under its own name is
 * dropped and made again. A schema that is ok, missing or unknown gets its status as a comment.
 */
export async function proposeRepair(ctx: FleetContext, tenant: number): Promise<string> {
  const examination = await withReferences(ctx.databaseUrl, (references) =>
    withSchemaReader(references, (reader) => verifyTenant(reader, references, tenant)),
  );
  const { verdict, changes } = examination;
  if (changes.length === 0) return `${comment(printVerdict(verdict).join("\n"))}\n`;
  const row = await ctx.db("tenant_versions").where({ tenant_id: tenant }).first("uuid");
  const schema = schemaName(tenant);
  const { rows } = await ctx.db.raw<{ rows: { role: string; parted: string[] }[] }>(seenSql, [schema]);
  const { role, parted } = rows[0] as { role: string; parted: string[] };
  const owner = { id: tenant, uuid: row?.uuid as string };
  return writeScript(examination, role, { owner, schema, parted, expected: examination.expected ?? [] });
}

const seenSql = `SELECT current_user AS role, ARRAY(
  SELECT c.relname::text FROM pg_partitioned_table p JOIN pg_class c ON c.oid = p.partrelid
  WHERE c.relnamespace = to_regnamespace(?)) AS parted`;

function writeScript({ verdict, changes }: Examination, role: string, patient: Patient): string {
  const { schema } = patient;
  const mends = inOrder(changes).map((change) => ({ change, mends: mendChange(change, patient) }));
  const lacking = mends.filter(isLacking).map(({ change }) => (change.expected as Fact).is["name"] ?? change.object);
  const parts = mends.map((one) => writeChange(one, { schema, lacking: lacking.map(String) }));
  const open = parts.filter((part) => part.includes(mark)).length;
  return [
    '-- proposed; read it; run with: psql "$DATABASE_URL" -v ON_ERROR_STOP=1 -f <this file>',
    comment(
      `${schema}, held against ${verdict.version}: ${changes.length} changes, ${open} for a person to decide (${mark})`,
    ),
    "BEGIN;",
    `SET LOCAL ROLE ${quote(role)};`,
    `SET LOCAL search_path TO ${quote(schema)}, ${extensionSchema};`,
    "SET LOCAL lock_timeout TO '5s';",
    // A function may be written before the table that it reads.
    "SET LOCAL check_function_bodies TO off;",
    "",
    ...parts,
    "COMMIT;",
    "",
  ].join("\n");
}

const mark = "DECIDE";

interface Mended {
  readonly change: Change;
  readonly mends: readonly Mend[];
}

const mendChange = (change: Change, patient: Patient): Mend[] => (menders[change.kind] ?? unknownKind)(change, patient);

/** It is missing, and stays so until somebody has decided. */
const isLacking = ({ change, mends }: Mended): boolean =>
  change.actual === undefined && mends.some(({ why }) => why !== undefined);

function writeChange(
  { change, mends }: Mended,
  { schema, lacking }: { schema: string; lacking: readonly string[] },
): string {
  const about = describeChange(change).map((difference) => comment(printDifference(schema, difference)));
  return [...about, ...mends.map((mend) => waitFor(mend, lacking)).flatMap(writeMend), ""].join("\n");
}

/** What names something that is not there yet would fail, and everything else with it. */
function waitFor(mend: Mend, lacking: readonly string[]): Mend {
  const name = lacking.find((one) => mend.sql.some((statement) => mentions(statement, one)));
  return name === undefined || mend.why !== undefined
    ? mend
    : decide(`it needs ${name}, which is missing`, ...mend.sql);
}

const mentions = (statement: string, name: string): boolean =>
  new RegExp(`(?<![\\w$])${name.replace(/[^\w]/g, "\\$&")}(?![\\w$])`).test(statement);

function writeMend({ sql, why }: Mend): string[] {
  const statements = sql.map((statement) => `${statement};`);
  return why === undefined ? statements : [comment(`${mark}: ${why}`), ...statements.map(comment)];
}

/** Every line of it: a name or a definition may have more than one. */
const comment = (text: string): string => text.replace(/^/gm, "-- ");

const unknownKind = (): Mend[] => [{ sql: [], why: "there is no proposal for this" }];

const menders: Readonly<Record<string, (change: Change, patient: Patient) => Mend[]>> = {
  table: mendTable,
  column: mendColumn,
  constraint: mendConstraint,
  index: mendIndex,
  sequence: mendSequence,
  function: mendFunction,
  type: mendType,
  trigger: mendTrigger,
  policy: mendPolicy,
  partition: mendPartition,
  grant: mendGrant,
  owner: mendOwner,
  "default privilege": mendDefaultPrivilege,
  role: mendRole,
  member: mendMember,
};

/** What others are built on comes first: the role, owners, types, functions, tables, columns, keys before what refers to them. */
const order = [
  "role",
  "member",
  "owner",
  "type",
  "function",
  "table",
  "sequence",
  "column",
  "partition",
  "constraint",
  "index",
  "trigger",
  "policy",
  "default privilege",
  "grant",
];

const inOrder = (changes: readonly Change[]): Change[] => changes.toSorted((a, b) => rankOf(a) - rankOf(b));

function rankOf({ kind, expected, actual }: Change): number {
  const is = (expected ?? actual)?.is ?? {};
  if (typeof is["view"] === "string") return order.indexOf("index") + 0.5;
  if (kind === "column" && is["generated"] !== null) return order.indexOf("column") + 0.5;
  // Foreign keys after the keys that they refer to.
  return order.indexOf(kind) + (kind === "constraint" && is["class"] === "f" ? 0.5 : 0);
}
