/** Whether a schema without a company may become one: everything that could refuse it, looked at; nothing is changed. */
import { AppError } from "../../../core/errors.ts";
import { compiledMigrations } from "../../../core/migrations/compile.ts";
import { hostKinds, metaKey, ownerMark, roleName, schemaName, tenantHost } from "../../../core/tenant.ts";
import { parseBody, uuidPattern } from "../../../core/validation.ts";
import type { ControlContext } from "../../context.ts";
import { provisionSchema, type ProvisionRequest } from "../tenant-schemas.ts";

export interface AdoptOptions {
  /** `tenant_77` */
  readonly schema: string;
  readonly name: string;
  readonly slug: string;
  readonly domain: string;
  /** Code of a plan. */
  readonly plan: string;
  /** Absent: the platform's. */
  readonly baseDomain?: string | undefined;
  /** First user, where the schema has no owner; one that it has is kept. */
  readonly owner?: { readonly name: string; readonly email: string } | undefined;
  /** For the audit log: `cli:<user>`. */
  readonly actor: string;
}

export interface AdoptPlan {
  readonly id: number;
  /** Of the marks that schema, role and namespace carry; undefined where none has one: a new one is made. */
  readonly uuid: string | undefined;
  readonly request: ProvisionRequest & { readonly plan: string; readonly baseDomain: string };
  readonly hosts: readonly string[];
  readonly owner: { readonly name: string; readonly email: string };
  /** The schema has one, who is kept with password and sessions. */
  readonly ownerIsKept: boolean;
  readonly hasRole: boolean;
  readonly hasNamespace: boolean;
  /** Applied afterwards. */
  readonly missingMigrations: readonly string[];
}

/**
 * @throws AppError `invalid-request`; `state-conflict` when the schema is no tenant's, has a company or a mark of another
 * one; `slug-taken`, `domain-taken`, `host-taken`, `plan-unknown`.
 */
export async function planAdoption(ctx: ControlContext, options: AdoptOptions): Promise<AdoptPlan> {
  const { schema, name, slug, domain, plan, owner } = options;
  const baseDomain = options.baseDomain ?? ctx.config.BASE_DOMAIN;
  const request = {
    ...parseBody(provisionSchema, { name, slug, domain, plan, baseDomain, ...(owner && { owner }) }),
    plan,
    baseDomain,
  };
  const id = idOf(schema);
  await refuseOwned(ctx, id);
  const marks = await readMarks(ctx, id);
  const missingMigrations = await compareMigrations(ctx, schema);
  const hosts = hostKinds.map((kind) => tenantHost(kind, slug, baseDomain));
  await refuseTaken(ctx, { ...request, hosts });
  const kept = await findOwner(ctx, schema);
  const first = kept ?? request.owner;
  if (first === undefined) throw conflict(`${schema} has no owner; name one with --owner-email and --owner-name`);
  return {
    id,
    uuid: await agreedUuid(ctx, id, marks),
    request,
    hosts,
    owner: first,
    ownerIsKept: kept !== undefined,
    hasRole: marks.hasRole,
    hasNamespace: marks.namespace !== null,
    missingMigrations,
  };
}

const conflict = (message: string): AppError => new AppError("state-conflict", message);

function idOf(schema: string): number {
  const id = Number(/^tenant_([1-9]\d{0,15})$/.exec(schema)?.[1]);
  if (Number.isSafeInteger(id)) return id;
  const errors = [{ pointer: "/schema", detail: "must be the name of a tenant's schema, such as tenant_77" }];
  throw new AppError("invalid-request", "Name a tenant's schema.", { errors });
}

async function refuseOwned({ db }: ControlContext, id: number): Promise<void> {
  const company: { slug: string; desired_state: string } | undefined = await db("companies").where({ id }).first();
  if (company !== undefined)
    throw conflict(`company ${id} (${company.slug}, ${company.desired_state}) has that schema already`);
  if (await db("spare_tenants").where({ id }).first("id"))
    throw conflict(`${schemaName(id)} was made for the next company`);
}

interface Marks {
  readonly schema: string | null;
  readonly role: string | null;
  readonly namespace: string | null;
  readonly hasRole: boolean;
}

/** @throws AppError `state-conflict` when there is no such schema. */
async function readMarks({ db, redis }: ControlContext, id: number): Promise<Marks> {
  const { rows } = await db.raw<{ rows: Omit<Marks, "namespace">[] }>(
    `SELECT obj_description(n.oid, 'pg_namespace') AS schema, shobj_description(r.oid, 'pg_authid') AS role,
            r.oid IS NOT NULL AS "hasRole"
     FROM pg_namespace n LEFT JOIN pg_roles r ON r.rolname = :role WHERE n.nspname = :schema`,
    { schema: schemaName(id), role: roleName(id) },
  );
  if (rows[0] === undefined) throw conflict(`there is no schema ${schemaName(id)} in this database`);
  return { ...rows[0], namespace: await redis.hget(metaKey(id), "mark") };
}

/**
 * The company gets the uuid that it had: marks, tokens and what other systems noted of it stay valid.
 * @throws AppError `state-conflict` when the marks name different companies, one that is here, or none.
 */
async function agreedUuid({ db }: ControlContext, id: number, marks: Marks): Promise<string | undefined> {
  const { schema, role, namespace } = marks;
  const [mark, ...others] = new Set([schema, role, namespace].filter((one) => one !== null));
  if (mark === undefined) return undefined;
  const found = { [`schema ${schemaName(id)}`]: schema, [`role ${roleName(id)}`]: role, [metaKey(id)]: namespace };
  if (others.length > 0)
    throw conflict(
      `${Object.keys(found).join(", ")} do not carry one mark: ${JSON.stringify(found)}; remove or rename what is not its own`,
    );
  const uuid = mark.slice(ownerMark("").length);
  if (mark !== ownerMark(uuid) || !uuidPattern.test(uuid)) throw conflict(`'${mark}' is no tenant's mark`);
  const other = await db("companies").where({ uuid }).first("id");
  if (other !== undefined)
    throw conflict(`${schemaName(id)} carries the mark of company ${other.id}: a copy of it is imported, not adopted`);
  return uuid;
}

async function compareMigrations({ db }: ControlContext, schema: string): Promise<string[]> {
  if (!(await hasTable(db, `${schema}.knex_migrations`))) throw conflict(`${schema} has no table knex_migrations`);
  const applied = new Set<string>(await db.withSchema(schema).from("knex_migrations").pluck("name"));
  const known = new Set((await compiledMigrations("tenant")).map((migration) => migration.name));
  const unknown = [...applied].filter((name) => !known.has(name));
  if (unknown.length > 0) throw conflict(`${schema} has migrations that are not known here: ${unknown.join(", ")}`);
  return [...known].filter((name) => !applied.has(name));
}

async function hasTable(db: ControlContext["db"], table: string): Promise<boolean> {
  const { rows } = await db.raw<{ rows: { ok: boolean }[] }>("SELECT to_regclass(?) IS NOT NULL AS ok", [table]);
  return rows[0]?.ok === true;
}

async function findOwner({ db }: ControlContext, schema: string): Promise<AdoptPlan["owner"] | undefined> {
  if (!(await hasTable(db, `${schema}.users`))) return undefined;
  return db.withSchema(schema).from("users").where({ role: "owner" }).orderBy("created_at").first("name", "email");
}

/** What writing the rows would find out too, for a run that writes none. */
async function refuseTaken(
  { db }: ControlContext,
  { slug, domain, plan, hosts }: { slug?: string | undefined; domain: string; plan: string; hosts: readonly string[] },
): Promise<void> {
  const taken = (code: "slug-taken" | "domain-taken" | "host-taken", option: string, value: string) => {
    const errors = [{ pointer: `/${option}`, detail: `'${value}' belongs to another company` }];
    return new AppError(code, `'${value}' belongs to another company.`, { errors });
  };
  if (await db("companies").where({ slug }).first("id")) throw taken("slug-taken", "slug", slug ?? "");
  if (await db("companies").where({ domain }).first("id")) throw taken("domain-taken", "domain", domain);
  const host = await db("domains")
    .whereIn("host", [...hosts])
    .first("host");
  if (host !== undefined) throw taken("host-taken", "slug", host.host);
  if (await db("plans").where({ code: plan, is_active: true }).first("id")) return;
  const errors = [{ pointer: "/plan", detail: `'${plan}' is not the code of a plan here` }];
  throw new AppError("plan-unknown", "Choose a plan of this platform.", { errors });
}
