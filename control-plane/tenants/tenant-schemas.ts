/** What the API takes and answers about companies. */
import { z } from "zod";
import { slugProblem } from "../../core/tenant.ts";

const label = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?";
const hostPattern = new RegExp(`^${label}(\\.${label})*$`);

const hostName = z
  .string()
  .trim()
  .toLowerCase()
  .max(190, "must be at most 190 characters")
  .regex(hostPattern, "must be a host name such as acme.com.br, without scheme, port or path");

const slug = z.string().superRefine((value, check) => {
  const problem = slugProblem(value);
  if (problem !== undefined) check.addIssue({ code: "custom", message: problem });
});

const planCode = z.string().regex(/^[a-z][a-z0-9-]{1,30}$/, "must be a plan code such as basic, premium or enterprise");

/** Text a person typed: trimmed, of one line, without control characters. */
const line = (least: number, most: number) =>
  z
    .string()
    .trim()
    .min(least, `must have at least ${least} characters`)
    .max(most, `must have at most ${most} characters`)
    // oxlint-disable-next-line no-control-regex
    .regex(/^[^\u0000-\u001f\u007f]*$/, "must not have control characters")
    .refine((value) => value.isWellFormed(), "must be well-formed Unicode");

export const provisionSchema = z
  .strictObject({
    name: line(2, 120).describe("Name of the company"),
    domain: hostName
      .refine((value) => value.includes("."), "must have a dot, as in acme.com.br")
      .describe("Main domain of the company, unique"),
    plan: z
      .union(
        [
          planCode,
          z.strictObject({
            code: planCode,
            name: line(1, 80),
            priceCents: z.int().min(0).max(2_147_483_647),
            limits: z
              .record(z.string().regex(/^[a-z][\w.-]{0,59}$/i, "must be a name such as users_limit"), z.number().min(0))
              .optional(),
            modules: z
              .array(z.string().regex(/^[a-z][a-z0-9-]{1,30}$/, "must be the code of a module"))
              .max(50)
              .default(["chat", "crm", "store"])
              .transform((codes) => [...new Set(codes)].sort())
              .describe("Modules that the plan has; see GET /api/plans for those of other plans"),
            isolation: z
              .enum(["pooled", "dedicated"], { error: "must be pooled or dedicated" })
              .default("pooled")
              .describe(
                "Connections shared by all companies, or a database login and connections of the company's own",
              ),
          }),
        ],
        { error: "must be a plan's code, or an object with code, name and priceCents" },
      )
      .describe("Code of a plan, or a plan to create"),
    baseDomain: hostName
      .optional()
      .describe("Platform domain under which the company's hosts lie; the platform's own when absent"),
    slug: slug.optional().describe("Label in the company's hosts; derived from the name when absent"),
    owner: z
      .strictObject({ name: line(1, 120), email: z.email("must be an e-mail address").max(254) })
      .optional()
      .describe("First user of the company; the asking user when absent"),
    onFailure: z
      .enum(["rollback", "hold"], { error: "must be rollback or hold" })
      .default("rollback")
      .describe(
        "When something fails for good before the company was ever active: remove all of it, or leave it as it is",
      ),
    locale: z.enum(["pt-BR", "en"]).optional().describe("Language of the mails to the owner; pt-BR when absent"),
  })
  .meta({ description: "A company to create" });

export type ProvisionRequest = z.output<typeof provisionSchema>;

export const resourceSchema = z.object({
  name: z.string(),
  status: z.enum(["pending", "working", "ready", "failed", "absent"]),
  attempts: z.int(),
  lastError: z.object({ code: z.string(), message: z.string(), retry: z.string() }).nullable(),
  nextAttemptAt: z.iso.datetime().nullable(),
});

export const tenantSchema = z.object({
  id: z.int(),
  uuid: z.uuid(),
  slug: z.string(),
  name: z.string(),
  domain: z.string(),
  baseDomain: z.string(),
  status: z.enum(["provisioning", "active", "degraded", "suspended", "deleting", "deleted", "failed"]),
  schema: z.string(),
  queue: z.string(),
  redis: z.object({ url: z.string(), namespace: z.string() }),
  plan: z.object({ code: z.string(), name: z.string() }),
  owner: z.object({ name: z.string(), email: z.string() }),
  hosts: z.array(
    z.object({ host: z.string(), kind: z.string(), url: z.string(), domainStatus: z.string(), sslStatus: z.string() }),
  ),
  resources: z.array(resourceSchema),
  activeWorkers: z.int().nullable().describe("null when Redis did not answer"),
  purgeAfter: z.iso.datetime().nullable().describe("When a deleted company that is still kept will be removed"),
  createdAt: z.iso.datetime(),
});

export type TenantView = z.output<typeof tenantSchema>;

export const operationSchema = z.object({
  id: z.uuid(),
  tenantId: z.int(),
  kind: z.string(),
  status: z.enum(["running", "succeeded", "failed"]),
  steps: z.array(resourceSchema),
  links: z.object({ self: z.string(), events: z.string(), tenant: z.string() }),
  createdAt: z.iso.datetime(),
  finishedAt: z.iso.datetime().nullable(),
});

export type OperationView = z.output<typeof operationSchema>;

export const provisionedSchema = z.object({
  tenant: tenantSchema,
  operation: operationSchema,
  initialToken: z
    .object({ token: z.string(), expiresAt: z.iso.datetime() })
    .nullable()
    .describe("JWT of the company's owner, good on its own hosts; null until database and owner are there"),
  setupUrl: z.string().nullable().describe("One-time page where the owner sets a password"),
  worker: z.object({ command: z.string() }),
});

export type ProvisionedView = z.output<typeof provisionedSchema>;
