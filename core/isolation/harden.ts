/** Shuts the doors that PostgreSQL leaves open to every role, as far as the platform's role may. */
import type { Knex } from "../db.ts";
import { doors, shutStatement, type Door } from "./doors.ts";
import { isolationLock } from "./scratch-tenants.ts";

/**
 * Idempotent; two set-ups at once wait for each other. Each door has a transaction of its own, so that one refused leaves
 * the others shut. An owner that is no superuser may not shut those of pg_catalog: they stay as they are, without an error,
 * and the start-up probe tells which level is left. Needs the scratch tenants.
 */
export async function harden(db: Knex): Promise<void> {
  for (const door of doors) {
    if ((await door.open(db)).length > 0) await shut(db, door);
  }
}

async function shut(db: Knex, door: Door): Promise<void> {
  try {
    await db.transaction(async (trx) => {
      await trx.raw(isolationLock);
      for (const name of await door.open(trx)) {
        await trx.raw(shutStatement(door, name));
        // Whoever is no superuser had it through PUBLIC too: pg_dump and the control plane call set_config.
        if (door.ownerNeeds) await trx.raw(`GRANT ${door.privileges} ON ${name} TO CURRENT_USER`);
      }
    });
  } catch (error) {
    if ((error as { code?: unknown }).code !== insufficientPrivilege) throw error;
  }
}

const insufficientPrivilege = "42501";
