/** A database that refuses new schemas as one does whose owner may not make them: SQLSTATE 42501. */
import type { Platform } from "./platform.ts";

export const schemaRefusal = "FATAL no room in this database";

/** New schemas are refused while `work` runs. */
export async function withoutNewSchemas<T>(platform: Platform, work: () => Promise<T>): Promise<T> {
  await platform.query(
    `CREATE FUNCTION public.refuse_schema() RETURNS event_trigger LANGUAGE plpgsql AS
     $$ BEGIN RAISE EXCEPTION '${schemaRefusal}' USING ERRCODE = '42501'; END $$`,
  );
  await platform.query(
    "CREATE EVENT TRIGGER refuse ON ddl_command_start WHEN TAG IN ('CREATE SCHEMA') EXECUTE FUNCTION refuse_schema()",
  );
  try {
    return await work();
  } finally {
    await platform.query("DROP EVENT TRIGGER refuse");
    await platform.query("DROP FUNCTION public.refuse_schema()");
  }
}
