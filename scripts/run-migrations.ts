import { setUpDatabase } from "../core/setup.ts";
import { createSecrets, loadMasterKey } from "../core/secrets.ts";
import { openDatabase, type Knex } from "../core/db.ts";
import { migratePublic, migrateTenant, pendingMigrations } from "../core/migrations/run.ts";
import { schemaName } from "../core/tenant.ts";
import { makeMigration } from "./make-migration.ts";
import { scriptConfig } from "./script-config.ts";
import { fail } from "./terminal.ts";

const help = `Usage: npm run migrate -- <command>

  public                  bring the registry (schema public) to its newest version
  tenant <id|uuid|slug>   bring one company's schema to its newest version
  all                     public, then every company; goes on after a failure and lists it
  setup                   everything from nothing: service roles, public, signing keys
  status                  what is not applied yet, for public and for every company
  make <name> [--public]  write an empty migration for tenants (or for public)
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
    say(makeMigration(name, process.argv.includes("--public") ? "public" : "tenant"));
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
  const companies = await listCompanies(db);
  const failed: string[] = [];
  for (const [index, company] of companies.entries()) {
    const label = `[${index + 1}/${companies.length}] ${schemaName(company.id)} (${company.slug})`;
    try {
      report(label, (await migrateTenant(url, company)).names);
    } catch (error) {
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
  const companies = pendingPublic.length === 0 ? await listCompanies(db) : [];
  for (const company of companies) {
    const pending = await pendingMigrations(db, "tenant", schemaName(company.id));
    if (pending.length > 0) say(`${schemaName(company.id)} (${company.slug}): pending ${pending.join(", ")}`);
    behind += pending.length;
  }
  say(`${companies.length} companies looked at`);
  return behind > 0 ? 3 : 0;
}

/** Companies that have, or will have, a schema. */
function listCompanies(db: Knex): Promise<Company[]> {
  return db("companies")
    .whereNotIn("desired_state", ["deleted", "rolled_back"])
    .orderBy("id")
    .select("id", "uuid", "slug");
}

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
