import type { Knex } from "../../core/db.ts";

/**
 * From here on PostgreSQL refuses the first user of every company whose slug begins with `refused-`, as a missing right
 * would: provisioning fails for good when schema, namespace, hosts and certificate are there. Safe to repeat.
 */
export async function refuseOwners(db: Knex): Promise<void> {
  await db.raw(`
    CREATE OR REPLACE FUNCTION public.chaos_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      RAISE insufficient_privilege USING MESSAGE = 'refused by the chaos tool';
    END $$;
    CREATE OR REPLACE FUNCTION public.chaos_watch() RETURNS event_trigger LANGUAGE plpgsql AS $$
    DECLARE made record;
    BEGIN
      FOR made IN SELECT schema_name, object_identity FROM pg_event_trigger_ddl_commands()
        WHERE object_identity ~ '^tenant_[0-9]+[.]users$'
      LOOP
        IF EXISTS (SELECT FROM public.companies
                   WHERE 'tenant_' || id = made.schema_name AND slug LIKE 'refused-%') THEN
          EXECUTE format('CREATE OR REPLACE TRIGGER chaos BEFORE INSERT ON %s FOR EACH ROW EXECUTE FUNCTION public.chaos_refuse()',
                         made.object_identity);
        END IF;
      END LOOP;
    END $$;
    DROP EVENT TRIGGER IF EXISTS chaos_watch;
    CREATE EVENT TRIGGER chaos_watch ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION public.chaos_watch()`);
}
