import { runtimeRole } from "../migrations/tenant-schema.ts";
import type { TenantPool } from "../tenant-db/tenant-pool.ts";
import { rowsOf } from "./attacks.ts";
import { doors, shutStatement } from "./doors.ts";
import { scratchA } from "./scratch-tenants.ts";

/** What a superuser of the server would run in this database to shut the doors that are open; nothing secret is in it. */
export async function listRemedies(pool: TenantPool): Promise<string[]> {
  const { db } = pool.forTenant(scratchA);
  const [row] = await rowsOf(
    db,
    "SELECT format('%I', pg_get_userbyid(datdba)) AS owner FROM pg_database WHERE datname = current_database()",
  );
  const statements: string[] = [];
  for (const door of doors) {
    for (const name of await door.open(db)) {
      if (door.ownerNeeds) statements.push(`GRANT ${door.privileges} ON ${name} TO ${String(row?.["owner"])}`);
      // Without it a scope costs three statements more; the pool finds out by itself.
      if (door.runtimeNeeds) statements.push(`GRANT ${door.privileges} ON ${name} TO ${runtimeRole}`);
      statements.push(shutStatement(door, name));
    }
  }
  return statements;
}
