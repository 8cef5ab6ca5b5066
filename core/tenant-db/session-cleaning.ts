/**
 * What a statement can leave on a session outlives its transaction: settings, the role, cursors, prepared statements,
 * temporary tables, locks. In the same message as the end, because behind a transaction-mode pooler the next message may
 * be another server's.
 */
export const cleaning =
  "CLOSE ALL;RESET ROLE;RESET ALL;DEALLOCATE ALL;UNLISTEN *;DISCARD TEMP;SELECT pg_catalog.pg_advisory_unlock_all()";

/**
 * By its first word such a statement cannot be one that changes the session; these functions, or what they run, could, and
 * so could `SELECT … INTO`, and an UPDATE of pg_settings, which runs set_config.
 */
export const isHarmless = (sql: string): boolean =>
  /^[\s(]*(?:select|insert|update|delete|merge|with|values)\b/i.test(sql) &&
  !/set_config|pg_settings|advisory|_to_xml|ts_stat|ts_rewrite|u&/i.test(sql) &&
  !(/\binto\b/i.test(sql) && !/^[\s(]*(?:insert|merge)\b/i.test(sql));
