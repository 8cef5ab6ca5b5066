import { Router, type Request, type RequestHandler, type Response } from "express";
import { AppError, isUniqueViolation } from "../../../core/errors.ts";
import { jsonBody } from "../../../core/http.ts";
import { requireModule } from "../../guard/require-module.ts";
import { requirePermission } from "../../guard/require-permission.ts";
import { parseBody, parseQuery, uuidPattern } from "../../../core/validation.ts";
import {
  deleteCustomer,
  findCustomer,
  insertCustomer,
  listCustomers,
  updateCustomer,
  type CustomerRow,
} from "./customer-store.ts";
import { customerChange, listQuery, newCustomer, writeCursor } from "./schemas.ts";

/** `/v1/customers`, for people of the company whose group reads or changes customers. */
export function customerRoutes(guard: RequestHandler): Router {
  const router = Router();
  const reader = [guard, requireModule("crm"), requirePermission("customers:read")];
  const writer = [guard, requireModule("crm"), requirePermission("customers:write")];

  router.get("/v1/customers", reader, async (req: Request, res: Response) => {
    const { search, limit, cursor: after } = parseQuery(listQuery, req.query);
    // One more than asked for tells whether there is a next page.
    const rows = await listCustomers(req.tenant.db, { search, after, limit: limit + 1 });
    const page = rows.slice(0, limit);
    const last = page.at(-1);
    const nextCursor = rows.length > limit && last ? writeCursor({ sortName: last.sort_name, id: last.id }) : null;
    res.json({ customers: page.map(presentCustomer), nextCursor });
  });

  router.post("/v1/customers", writer, jsonBody, async (req: Request, res: Response) => {
    const body = parseBody(newCustomer, req.body);
    const row = await insertCustomer(req.tenant.db, body).catch(explain);
    res.status(201).location(`/v1/customers/${row.id}`).json(presentCustomer(row));
  });

  router.get("/v1/customers/:id", reader, async (req: Request, res: Response) => {
    const row = await findCustomer(req.tenant.db, checkedId(req));
    res.json(presentCustomer(found(row)));
  });

  router.patch("/v1/customers/:id", writer, jsonBody, async (req: Request, res: Response) => {
    const id = checkedId(req);
    const body = parseBody(customerChange, req.body);
    const row = await updateCustomer(req.tenant.db, id, body).catch(explain);
    res.json(presentCustomer(found(row)));
  });

  router.delete("/v1/customers/:id", writer, async (req: Request, res: Response) => {
    const id = checkedId(req);
    const deleted = await deleteCustomer(req.tenant.db, id).catch(explain);
    found(deleted ? id : undefined);
    res.status(204).end();
  });
  return router;
}

function presentCustomer(row: CustomerRow) {
  const { created_at, updated_at, id, name, phone, email, document, notes, metadata } = row;
  const times = { createdAt: created_at.toISOString(), updatedAt: updated_at.toISOString() };
  return { id, name, phone, email, document, notes, metadata, ...times };
}

/** An id of another form names nothing; PostgreSQL would call it an error. */
const checkedId = ({ params: { id } }: Request): string =>
  found(typeof id === "string" && uuidPattern.test(id) ? id : undefined);

function found<T>(value: T | undefined): T {
  if (value === undefined) throw new AppError("not-found", "There is no such customer.");
  return value;
}

/** ON DELETE RESTRICT: up to PostgreSQL 17, and from 18 on. */
const referenceViolations = new Set<unknown>(["23503", "23001"]);

/** @throws AppError for what the database's own rules refuse, the error itself otherwise. */
function explain(error: unknown): never {
  if (isUniqueViolation(error, "customers_phone_key")) {
    throw new AppError("already-exists", "Another customer has this phone number.", {
      errors: [{ pointer: "/phone", detail: "belongs to another customer" }],
    });
  }
  if (referenceViolations.has((error as { code?: unknown }).code))
    throw new AppError("state-conflict", "The customer has orders or bills; delete those first or keep the customer.");
  throw error;
}
