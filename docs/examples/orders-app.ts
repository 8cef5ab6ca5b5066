/** An Express app of one's own on Secretária's tenants: who has which orders is never a WHERE clause. */
import express, { type Request, type Response } from "express";
import type { AddressInfo } from "node:net";
import { AppError, openTenancy, optionsFromEnv } from "secretaria/tenant-runtime";

const tenancy = await openTenancy(optionsFromEnv(process.env));
const app = express();

app.get("/health", async (_req, res) => {
  const health = await tenancy.health();
  res.status(health.ok ? 200 : 503).json(health);
});

const shop = express.Router().use(tenancy.resolve, tenancy.guard, express.json());

shop.get("/orders", async (req: Request, res: Response) => {
  const { db, slug } = req.tenant;
  const orders = await db("orders as o")
    .join("customers as c", "c.id", "o.customer_id")
    .orderBy("o.number")
    .select("o.number", "c.name as customer", "o.total_cents as totalCents");
  res.json({ company: slug, askedBy: req.user.email, orders });
});

shop.post("/orders", async (req: Request, res: Response) => {
  const { customer, phone, cents } = req.body as { customer?: string; phone?: string; cents?: number };
  if (!customer || !phone || !Number.isInteger(cents))
    throw new AppError("invalid-request", "Send customer, phone and cents.");
  // Customer and order are there together or not at all.
  const order = await req.tenant.transaction(async (db) => {
    const row = { name: customer, phone };
    const [{ id }] = await db("customers").insert(row).onConflict("phone").merge(["name"]).returning("id");
    const [made] = await db("orders").insert({ customer_id: id, subtotal_cents: cents }).returning(["id", "number"]);
    return made;
  });
  res.status(201).json(order);
});

app.use("/shop", shop);
app.use(tenancy.problems);

const server = app.listen(Number(process.env["PORT"] ?? 3000), "127.0.0.1", () =>
  process.stdout.write(`orders on port ${(server.address() as AddressInfo).port}\n`),
);
process.once("SIGTERM", () => server.close(() => void tenancy.close()));
