import { parseArgs } from "node:util";
import { z } from "zod";
import type { ControlContext } from "../../control-plane/context.ts";
import { planAdoption, type AdoptOptions } from "../../control-plane/tenants/adoption/plan.ts";
import { adoptTenant } from "../../control-plane/tenants/adoption/adopt-tenant.ts";
import { commandActor, exitCodes, withControl, type Command } from "./command.ts";

const help = `  adopt --schema tenant_77 --name X --slug SLUG --domain DOMAIN --plan CODE [--base-domain HOST]
        [--owner-email E --owner-name X] [--dry-run]
      make a company of a schema that has none, as after a registry was restored from an older backup; its data, its
      users and the uuid of its marks are kept, what it lacks is made
      --owner-…       first user, where the schema has no owner
      --base-domain   absent: the platform's
      --dry-run       say what would be done, change nothing
`;

const argumentsSchema = z
  .object({
    schema: z.string("is missing"),
    name: z.string("is missing"),
    slug: z.string("is missing"),
    domain: z.string("is missing"),
    plan: z.string("is missing"),
    baseDomain: z.string().optional(),
    ownerEmail: z.string().optional(),
    ownerName: z.string().optional(),
  })
  .refine(({ ownerEmail, ownerName }) => (ownerEmail === undefined) === (ownerName === undefined), {
    message: "give both or neither",
    path: ["owner-email", "owner-name"],
  });

export const adoptCommand: Command = {
  help,
  read(args) {
    const text = { type: "string" } as const;
    const { values } = parseArgs({
      args,
      options: {
        schema: text,
        name: text,
        slug: text,
        domain: text,
        plan: text,
        "base-domain": text,
        "owner-email": text,
        "owner-name": text,
        "dry-run": { type: "boolean", default: false },
      },
    });
    const { ownerEmail, ownerName, ...given } = argumentsSchema.parse({
      ...values,
      baseDomain: values["base-domain"],
      ownerEmail: values["owner-email"],
      ownerName: values["owner-name"],
    });
    const owner =
      ownerEmail === undefined || ownerName === undefined ? undefined : { email: ownerEmail, name: ownerName };
    const options = { ...given, owner, actor: commandActor() };
    return () => withControl((ctx) => (values["dry-run"] ? showPlan(ctx, options) : adopt(ctx, options)));
  },
};

async function showPlan(ctx: ControlContext, options: AdoptOptions): Promise<number> {
  const plan = await planAdoption(ctx, options);
  const { id, uuid, request, hosts, owner, missingMigrations } = plan;
  say([
    `would make company ${id} (${request.slug}, ${request.name}) of ${options.schema}`,
    uuid === undefined ? "uuid: a new one, for nothing of it carries a mark" : `uuid: ${uuid}, of its mark`,
    `hosts: ${hosts.join(", ")}`,
    `owner: ${owner.email}, ${plan.ownerIsKept ? "kept with password and sessions" : "invited"}`,
    `role: ${plan.hasRole ? "there" : "made anew"}; Redis namespace: ${plan.hasNamespace ? "there, kept" : "made anew"}`,
    `migrations to apply: ${missingMigrations.length === 0 ? "none" : missingMigrations.join(", ")}`,
  ]);
  return exitCodes.done;
}

async function adopt(ctx: ControlContext, options: AdoptOptions): Promise<number> {
  const rows = await adoptTenant(ctx, options);
  const missing = rows.filter(({ status }) => status !== "ready");
  say([
    `${options.schema} is company ${options.slug}`,
    ...missing.map(
      ({ name, status, last_error: error }) =>
        `${name} is ${status}${error === null ? "" : ` (${error.code}: ${error.message})`}; the control plane goes on`,
    ),
  ]);
  return exitCodes.done;
}

const say = (lines: readonly string[]): void => void process.stdout.write(`${lines.join("\n")}\n`);
