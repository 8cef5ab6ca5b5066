import { Registry } from "prom-client";
import { countAnswer } from "../../core/answer-counts.ts";
import { currentTenant, runAsTenant } from "../../core/current-tenant.ts";
import { correlate } from "../../core/http.ts";
import { createLogger } from "../../core/logger.ts";
import { useTenantMigrations } from "../../core/migrations/folders.ts";
import { createShutdown, type Shutdown } from "../../core/shutdown.ts";
import { checkHealth } from "../check-health.ts";
import type { TenancyContext } from "../context.ts";
import { requireModule } from "../guard/require-module.ts";
import { guardTenant } from "../guard/tenant-guard.ts";
import { admitRequests } from "../limits/admit-requests.ts";
import { openContext } from "../open-context.ts";
import { resolveTenant } from "../resolution/resolve-tenant.ts";
import { tenantFinder } from "./for-tenant.ts";
import { checkOptions, type TenancyOptions } from "./options.ts";
import { answerProblems } from "./problems.ts";
import type { Tenancy } from "./tenancy.ts";

/**
 * Waits for the registry and answers when tenants can be served. Reads no environment, hears no signals, keeps nothing
 * outside of what it answers but where migrations are: several tenancies in one process know nothing of each other.
 * @throws TypeError for options that are not usable, all named at once; Error when the registry is not usable.
 */
export async function openTenancy(options: TenancyOptions): Promise<Tenancy> {
  const { config, name, patienceMs, log = createLogger(name, "warn") } = checkOptions(options);
  if (config.TENANT_MIGRATIONS !== undefined) useTenantMigrations(config.TENANT_MIGRATIONS);
  const shutdown = createShutdown(log);
  try {
    return createTenancy(await openContext(config, log, { shutdown, name, patienceMs }), shutdown);
  } catch (error) {
    await shutdown.run("tenancy did not open");
    throw error;
  }
}

function createTenancy(ctx: TenancyContext, shutdown: Shutdown): Tenancy {
  /** Tenants that came from here: those of another tenancy may have the same ids. */
  const own = new WeakSet<object>();
  const resolveHost = resolveTenant(ctx);
  const guardOwn = guardTenant(ctx);
  const find = tenantFinder(ctx);
  // The importer's metrics are the importer's own: nobody reads this registry.
  const admit = admitRequests(ctx, new Registry());
  return {
    resolve: (req, res, next) => {
      if (req.correlationId === undefined) void correlate(req, res, () => undefined);
      res.once("finish", () => countAnswer(ctx.answers, res.statusCode));
      return resolveHost(req, res, (error?: unknown) => {
        if (error === undefined) own.add(req.tenant);
        next(error);
      });
    },
    guard: (req, res, next) => {
      if (!own.has(req.tenant)) throw new Error("mount this tenancy's resolve before its guard");
      return guardOwn(req, res, next);
    },
    limits: (req, res, next) => {
      if (!own.has(req.tenant)) throw new Error("mount this tenancy's resolve before its limits");
      return admit(req, res, next);
    },
    requireModule,
    problems: answerProblems(ctx.log),
    forTenant: async (reference, states) => {
      const tenant = await find(reference, states);
      own.add(tenant);
      return tenant;
    },
    runAs: runAsTenant,
    currentTenant: () => {
      const tenant = currentTenant();
      if (!own.has(tenant)) throw new Error("the tenant that is served here is another tenancy's");
      return tenant;
    },
    health: () => checkHealth(ctx),
    close: () => shutdown.run("tenancy closed"),
  };
}
