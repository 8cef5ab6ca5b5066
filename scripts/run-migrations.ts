import { discarded, listSpares, markMigrated } from "../control-plane/warm-pool/spare-store.ts";
import { setUpDatabase } from "../core/setup.ts";
import { createSecrets, loadMasterKey } from "../core/secrets.ts";
import { openDatabase, type Knex } from "../core/db.ts";
import { migratePublic, migrateTenant, pendingMigrations } from "../core/migrations/run.ts";
import { useTenantMigrations } from "../core/migrations/folders.ts";
import { tenantVersion } from "../core/migrations/version.ts";
import { schemaName } from "../core/tenant.ts";
import type { SchemaOwner } from "../core/migrations/tenant-schema.ts";
import { makeMigration } from "./make-migration.ts";
import { scriptConfig } from "./script-config.ts";
import { fail } from "./terminal.ts";

const help = `Usage: npm run migrate -- <command>

  public                  bring the registry (schema public) to its newest version
  tenant <id|uuid|slug>   bring one company's schema to its newest version
  all                     public, then every company and every schema made ahead; goes on after a failure and lists it
  setup                   everything from nothing: service roles, public, signing keys
  status                  what is not applied yet, for public, every company and every schema made ahead
  make <name> [--public]  write an empty migration for tenants (or for public); --ts: in TypeScript,
                          --expand, --contract <file>: a step of a change in two releases (docs/MIGRATIONS.md)
  --help                  this text

Servers: DATABASE_URL, or the running embedded stack of DATA_DIR.
Exit: 0 done, 1 something failed, 2 wrong arguments, 3 (status) something is pending.
`;

const say = (line: string) => process.stdout.write(`${line}\n`);

interface Company {
  readonly id: number;
  readonly uuid: string;
  readonly slug: string;
}

/** A company or a schema made ahead. */
interface Target extends SchemaOwner {
  readonly label: string;
  readonly isSpare: boolean;
}

const commands: Readonly<Record<string, (argument: string | undefined) => Promise<number>>> = {
  public: () => withUrl(async (url) => report("public", (await migratePublic(url)).names)),
  tenant: (reference) =>
    withDatabase(async (db, url) => {
      const company = await getCompany(db, reference);
      return report(`${schemaName(company.id)} (${company.slug})`, (await migrateTenant(url, company)).names);
    }),
  all: () => withDatabase(migrateAll),
  setup: () =>
    withUrl(async (url, config) => report("setup", await setUpDatabase(url, createSecrets(loadMasterKey(config))))),
  status: () => withDatabase(showStatus),
  make: async (name) => {
    if (name === undefined) return usage("make needs a name, e.g. make add_loyalty_points");
    const has = (flag: string): boolean => process.argv.includes(flag);
    const contract = has("--contract") ? (process.argv[process.argv.indexOf("--contract") + 1] ?? "") : undefined;
    const kind = has("--public") ? "public" : "tenant";
    useTenantMigrations(process.env["TENANT_MIGRATIONS"] || undefined);
    say(makeMigration(name, { kind, isScript: has("--ts"), isExpand: has("--expand"), contract }));
    return 0;
  },
};

const [name = "--help", argument] = process.argv.slice(2);
if (name === "--help") {
  process.stdout.write(help);
  process.exit(0);
}
const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
try {
  process.exitCode = command === undefined ? usage(`there is no command '${name}'`) : await command(argument);
} catch (error) {
  fail(error, 1);
}

function usage(problem: string): number {
  process.stderr.write(`${problem}\n\n${help}`);
  return 2;
}

function report(what: string, names: readonly string[]): number {
  say(names.length === 0 ? `${what}: nothing to do` : `${what}: applied ${names.join(", ")}`);
  return 0;
}

async function migrateAll(db: Knex, url: string): Promise<number> {
  report("public", (await migratePublic(url)).names);
  const targets = await listTargets(db);
  const failed: string[] = [];
  for (const [index, target] of targets.entries()) {
    const label = `[${index + 1}/${targets.length}] ${target.label}`;
    try {
      report(label, (await migrateTenant(url, target)).names);
      if (target.isSpare) await markMigrated(db, target.id, await tenantVersion());
    } catch (error) {
      if (target.isSpare && !(await isStillSpare(db, target.id))) continue;
      failed.push(`${label}: ${(error as Error).message}`);
      say(`${label}: FAILED`);
    }
  }
  if (failed.length > 0) process.stderr.write(`\n${failed.length} failed:\n${failed.join("\n")}\n`);
  return failed.length > 0 ? 1 : 0;
}

async function showStatus(db: Knex): Promise<number> {
  const pendingPublic = await pendingMigrations(db, "public", "public");
  say(`public: ${pendingPublic.length === 0 ? "up to date" : `pending ${pendingPublic.join(", ")}`}`);
  let behind = pendingPublic.length;
  const targets = pendingPublic.length === 0 ? await listTargets(db) : [];
  for (const { id, label } of targets) {
    const pending = await pendingMigrations(db, "tenant", schemaName(id));
    if (pending.length > 0) say(`${label}: pending ${pending.join(", ")}`);
    behind += pending.length;
  }
  const spares = targets.filter(({ isSpare }) => isSpare).length;
  say(`${targets.length - spares} companies looked at${spares > 0 ? `, and ${spares} schemas made ahead` : ""}`);
  return behind > 0 ? 3 : 0;
}

/** Companies that have, or will have, a schema. */
function listCompanies(db: Knex): Promise<Company[]> {
  return db("companies")
    .whereNotIn("desired_state", ["deleted", "rolled_back"])
    .orderBy("id")
    .select("id", "uuid", "slug");
}

/** Companies first: a schema made ahead can wait. */
async function listTargets(db: Knex): Promise<Target[]> {
  const companies = await listCompanies(db);
  const spares = (await listSpares(db)).filter(({ version }) => version !== discarded);
  return [
    ...companies.map(({ id, uuid, slug }) => ({ id, uuid, label: `${schemaName(id)} (${slug})`, isSpare: false })),
    ...spares.map(({ id, uuid }) => ({ id, uuid, label: `${schemaName(id)} (made ahead)`, isSpare: true })),
  ];
}

/** False when it was thrown away since it was listed. */
const isStillSpare = async (db: Knex, id: number): Promise<boolean> =>
  (await db("spare_tenants").where({ id }).whereNot({ version: discarded }).first("id")) !== undefined;

async function getCompany(db: Knex, reference: string | undefined): Promise<Company> {
  const all = await listCompanies(db);
  const found = all.find(({ id, uuid, slug }) => [String(id), uuid, slug].includes(reference ?? ""));
  if (found === undefined) throw new Error(`there is no company '${reference ?? ""}'; name it by id, uuid or slug`);
  return found;
}

async function withUrl<T>(
  work: (url: string, config: Awaited<ReturnType<typeof scriptConfig>>) => Promise<T>,
): Promise<T> {
  const config = await scriptConfig();
  return work(config.DATABASE_URL ?? "", config);
}

function withDatabase<T>(work: (db: Knex, url: string) => Promise<T>): Promise<T> {
  return withUrl(async (url) => {
    const db = openDatabase(url, { name: "run-migrations", max: 2 });
    try {
      return await work(db, url);
    } finally {
      await db.destroy();
    }
  });
}
