/**
 * The same Express application four ways; run as a child, which says on which port it listens. All answer
 * `GET /customers/:id` with one row, found by its primary key.
 */
import { createServer } from "node:http";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Express, Request, RequestHandler } from "express";
import { Registry } from "prom-client";
import { defaultConfig } from "../../core/config.ts";
import { openDatabase, type Knex } from "../../core/db.ts";
import { expressMessages } from "../../core/express-messages.ts";
import { answerErrors, correlate, createApp, listen } from "../../core/http.ts";
import { createLogger } from "../../core/logger.ts";
import { createMetrics, measureRequests } from "../../core/metrics.ts";
import { runtimeRole } from "../../core/migrations/tenant-schema.ts";
import { createSecrets } from "../../core/secrets.ts";
import { createShutdown } from "../../core/shutdown.ts";
import { servicePassword } from "../../core/service-roles.ts";
import { secureHeaders } from "../../tenant-runtime/edge/secure-headers.ts";
import { openContext } from "../../tenant-runtime/open-context.ts";
import { serveTenants } from "../../tenant-runtime/serve-tenants.ts";
import { plainSchema } from "./fleet.ts";

export const variants = ["tenancy", "plain", "qualified", "usual"] as const;
export type Variant = (typeof variants)[number];

interface Served {
  readonly before: readonly RequestHandler[];
  readonly find: Find;
}

type Find = (req: Request, id: string) => Promise<unknown>;

const max = 10;
const log = createLogger("bench", "error");
const url = process.env["BENCH_DATABASE_URL"] ?? "";
const tenantUrl = process.env["BENCH_TENANT_URL"] ?? url;
const masterKey = process.env["BENCH_MASTER_KEY"] ?? "";
const secrets = createSecrets(Buffer.from(masterKey, "base64"));

const found: Record<Variant, () => Served | Promise<Served>> = {
  /** Ours: everything that stands between the socket and a module's routes. */
  async tenancy() {
    const config = defaultConfig({
      DATABASE_URL: url,
      DATABASE_POOL_URL: tenantUrl,
      REDIS_URL: process.env["BENCH_REDIS_URL"],
      MASTER_KEY: masterKey,
      DB_POOL_MAX: max,
    });
    const ctx = await openContext(config, log, { shutdown: createShutdown(log), name: "bench tenancy" });
    return { before: [serveTenants(ctx, new Registry())], find: (req, id) => customer(req.tenant.db, id) };
  },
  /** One schema for everybody. */
  plain() {
    const login = { user: runtimeRole, password: servicePassword(secrets, runtimeRole) };
    const db = openDatabase(tenantUrl, { name: "bench plain", max, ...login });
    return { before: [], find: (_req, id) => customer(db.withSchema(plainSchema) as unknown as Knex, id) };
  },
  /** The schema's name in the statement: no role, no search_path. */
  qualified() {
    const db = openDatabase(url, { name: "bench qualified", max });
    return { before: [], find: (req, id) => customer(db.withSchema(schemaOf(req)) as unknown as Knex, id) };
  },
  /** What one writes without thinking about round trips. */
  usual() {
    const db = openDatabase(url, { name: "bench usual", max });
    const find: Find = (req, id) =>
      db.transaction(async (trx) => {
        const schema = schemaOf(req);
        await trx.raw(`SET LOCAL ROLE ${schema}`);
        await trx.raw(`SET LOCAL search_path TO ${schema}`);
        return customer(trx, id);
      });
    return { before: [], find };
  },
};

const customer = (db: Knex, id: string) => db.from("customers").where({ id }).first("id", "name", "metadata");

const schemaOf = (req: Request): string => `tenant_${/^api\.emp(\d+)\./.exec(req.headers.host ?? "")?.[1]}`;

async function createVariant(variant: Variant): Promise<Express> {
  const { before, find } = await found[variant]();
  const app = createApp();
  // No company's host: before everything that asks for one.
  app.get("/memory", (_req, res) => {
    collectGarbage();
    res.json({ rssMb: process.memoryUsage.rss() / 1048576 });
  });
  app.get("/cpu", (_req, res) => void res.json(process.cpuUsage()));
  app.use(correlate, measureRequests(createMetrics("bench")), secureHeaders(), ...before);
  app.get("/customers/:id", async (req, res) => void res.json(await find(req, req.params.id)));
  app.use(answerErrors(log));
  return app;
}

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;
const app = await createVariant(process.env["BENCH_VARIANT"] as Variant);
const server = createServer({ keepAliveTimeout: 60_000, ...expressMessages(app) }, app);
for (const event of ["disconnect", "SIGTERM"]) process.once(event, () => process.exit(0));
process.send?.({ type: "ready", port: await listen(server, 0, "127.0.0.1") });
