import { parseArgs } from "node:util";
import { z } from "zod";
import { importTenant, planImport } from "../../control-plane/archive/import/import-tenant.ts";
import { presentTenants } from "../../control-plane/tenants/present-tenant.ts";
import { ownerSetupUrl } from "../../control-plane/tenants/owner-setup-link.ts";
import type { ControlContext } from "../../control-plane/context.ts";
import { commandActor, exitCodes, withControl, type Command } from "./command.ts";
import { showProgress } from "./show-progress.ts";

const help = `  import <file> --slug SLUG --domain DOMAIN [--name X] [--plan CODE] [--base-domain HOST] [--dry-run] [--json]
      make a new company of an archive. It opens when all rows are in and were read back. A run that was ended goes on
      when it is given the same file, slug and domain again
      --name, --plan  absent: as archived
      --base-domain   absent: the platform's
      --dry-run       verify the file, say what would be done, change nothing
      --json          { tenant: { id, uuid, slug, status, hosts }, setupUrl }, or with --dry-run the plan
`;

const argumentsSchema = z.object({
  file: z.string().min(1),
  slug: z.string("is missing"),
  domain: z.string("is missing"),
  name: z.string().optional(),
  plan: z.string().optional(),
  baseDomain: z.string().optional(),
});

type Arguments = z.output<typeof argumentsSchema>;

export const importCommand: Command = {
  help,
  read(args) {
    const options = {
      slug: { type: "string" },
      domain: { type: "string" },
      name: { type: "string" },
      plan: { type: "string" },
      "base-domain": { type: "string" },
      "dry-run": { type: "boolean", default: false },
      json: { type: "boolean", default: false },
    } as const;
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
    if (positionals.length !== 1) throw new Error("name one file");
    const given = argumentsSchema.parse({ ...values, baseDomain: values["base-domain"], file: positionals[0] });
    const { json } = values;
    return () => withControl((ctx) => (values["dry-run"] ? showPlan(ctx, given, json) : runImport(ctx, given, json)));
  },
};

async function showPlan(ctx: ControlContext, given: Arguments, json: boolean): Promise<number> {
  const plan = await planImport(ctx, { ...given, actor: commandActor(), onProgress: showProgress });
  const { archive, request, migrations, existing } = plan;
  const { rows, sha256, manifest } = archive;
  const answer = { request, from: manifest.company, rows, sha256, migrations, continues: existing?.id ?? null };
  const lines = [
    existing === undefined ? `would make ${request.slug} (${request.name})` : `would go on with company ${existing.id}`,
    `${rows} rows of ${manifest.tables.length} tables, exported from ${manifest.company.slug} at ${manifest.exportedAt}`,
    migrations.length === 0 ? "the schema is at this release's version" : `then migrated: ${migrations.join(", ")}`,
  ];
  process.stdout.write(json ? `${JSON.stringify(answer)}\n` : `${lines.join("\n")}\n`);
  return exitCodes.done;
}

async function runImport(ctx: ControlContext, given: Arguments, json: boolean): Promise<number> {
  const company = await importTenant(ctx, { ...given, actor: commandActor(), onProgress: showProgress });
  const [tenant] = await presentTenants(ctx, [company]);
  const { id, uuid, slug, status } = company;
  const hosts = (tenant?.hosts ?? []).map(({ url }) => url);
  const setupUrl = ownerSetupUrl(ctx, company);
  const answer = { tenant: { id, uuid, slug, status, hosts }, setupUrl };
  const lines = [
    `company ${id} (${slug}) is ${status}: ${hosts.join(", ")}`,
    `its owner signs in with the password of before, or sets one here: ${setupUrl}`,
  ];
  process.stdout.write(json ? `${JSON.stringify(answer)}\n` : `${lines.join("\n")}\n`);
  return exitCodes.done;
}
