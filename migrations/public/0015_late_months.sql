-- why: a table is parted by month when it is large: for each partition made PostgreSQL reads the constraints of every schema there is
-- up
-- Locks what a table's foreign keys point to before the table itself is locked, in the order in which requests come: who has changed a
-- conversation writes its message next, and would wait for us while we wait for him. What is locked afterwards is waited for in less than
-- the second after which a request looks for a deadlock and dies of it. Answers the lock_timeout that was.
CREATE FUNCTION lock_key_targets(child oid) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  usual text := current_setting('lock_timeout');
  target record;
BEGIN
  FOR target IN SELECT DISTINCT n.nspname, c.relname FROM pg_constraint k JOIN pg_class c ON c.oid = k.confrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace WHERE k.conrelid = child AND k.contype = 'f' ORDER BY 1, 2
  LOOP
    EXECUTE format('LOCK TABLE %I.%I IN SHARE ROW EXCLUSIVE MODE', target.nspname, target.relname);
    PERFORM set_config('lock_timeout', '100ms', true);
  END LOOP;
  RETURN usual;
END
$$;

-- Makes partitions <table>_yYYYYmMM for the current month and those after it, `months` in all, where they are missing. A month whose
-- rows are in the default partition already stays there.
CREATE OR REPLACE FUNCTION ensure_month_partitions(schema_name text, months integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  parent record;
  first_day date;
  usual text;
  made integer := 0;
BEGIN
  FOR parent IN
    SELECT c.oid, c.relname FROM pg_partitioned_table p JOIN pg_class c ON c.oid = p.partrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = schema_name AND p.partstrat = 'r'
  LOOP
    FOR month IN 0 .. months - 1 LOOP
      first_day := (date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => month))::date;
      IF to_regclass(format('%I.%I', schema_name, parent.relname || to_char(first_day, '"_y"YYYY"m"MM'))) IS NULL THEN
        usual := public.lock_key_targets(parent.oid);
        BEGIN
          EXECUTE format('CREATE TABLE %I.%I PARTITION OF %I.%I FOR VALUES FROM (%L) TO (%L)',
            schema_name, parent.relname || to_char(first_day, '"_y"YYYY"m"MM'), schema_name, parent.relname,
            first_day::timestamp AT TIME ZONE 'UTC', (first_day + interval '1 month')::timestamp AT TIME ZONE 'UTC');
          made := made + 1;
        EXCEPTION WHEN check_violation THEN
          NULL;
        END;
        PERFORM set_config('lock_timeout', usual, true);
      END IF;
    END LOOP;
  END LOOP;
  RETURN made;
END
$$;

-- Parts a table by month: the table with its rows becomes the default partition of a new one of its name, with the same columns,
-- constraints, indexes and rights. No row is moved. Months are made afterwards, each in its own time: reads and writes wait while one is.
-- Refuses (SE005) what has something by which it is known to others: triggers, policies, views, sequences, keys that point to it.
CREATE FUNCTION part_by_month(schema_name text, table_name text, month_column text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  whole oid := to_regclass(format('%I.%I', schema_name, table_name));
  parted text := format('%I.%I', schema_name, table_name);
  rest text := left(table_name, 55) || '_default';
  remark text := obj_description(whole, 'pg_class');
  definitions text[];
  own_index record;
  usual text;
  step text;
BEGIN
  IF whole IS NULL THEN
    RETURN false;
  END IF;
  usual := public.lock_key_targets(whole);
  EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', parted);
  PERFORM set_config('lock_timeout', usual, true);
  IF to_regclass(parted) IS DISTINCT FROM whole::regclass OR NOT EXISTS (
    SELECT FROM pg_class WHERE oid = whole AND relkind = 'r' AND NOT relispartition) THEN
    RETURN false;
  END IF;
  IF EXISTS (SELECT FROM pg_trigger t LEFT JOIN pg_constraint k ON k.oid = t.tgconstraint
             WHERE t.tgrelid = whole AND (NOT t.tgisinternal OR k.confrelid = whole))
    OR EXISTS (SELECT FROM pg_policy WHERE polrelid = whole)
    OR EXISTS (SELECT FROM pg_class WHERE oid = whole AND relrowsecurity)
    OR EXISTS (SELECT FROM pg_inherits WHERE inhparent = whole OR inhrelid = whole)
    OR EXISTS (SELECT FROM pg_depend d WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = whole AND (
                 d.classid = 'pg_rewrite'::regclass
                 OR (d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
                     AND EXISTS (SELECT FROM pg_class s WHERE s.oid = d.objid AND s.relkind = 'S')))) THEN
    RAISE EXCEPTION '% cannot be parted by month: a trigger, policy, view, sequence or foreign key hangs on it', parted
      USING ERRCODE = 'SE005';
  END IF;

  SELECT array_agg(statement ORDER BY place) INTO definitions FROM (
    SELECT 1 AS place, format('ALTER TABLE %s ADD CONSTRAINT %I %s', parted, conname, pg_get_constraintdef(oid)) AS statement
      FROM pg_constraint WHERE conrelid = whole AND contype IN ('p', 'u', 'x', 'f')
    UNION ALL
    SELECT 2, pg_get_indexdef(i.indexrelid) FROM pg_index i WHERE i.indrelid = whole AND NOT EXISTS (
      SELECT FROM pg_constraint k WHERE k.conrelid = whole AND k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))
  ) AS everything;

  FOR own_index IN SELECT x.relname FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid WHERE i.indrelid = whole LOOP
    EXECUTE format('ALTER INDEX %I.%I RENAME TO %I', schema_name, own_index.relname, left(own_index.relname, 55) || '_default');
  END LOOP;
  EXECUTE format('ALTER TABLE %s RENAME TO %I', parted, rest);
  EXECUTE format('CREATE TABLE %s (LIKE %I.%I INCLUDING ALL EXCLUDING INDEXES EXCLUDING STATISTICS) PARTITION BY RANGE (%I)',
    parted, schema_name, rest, month_column);
  FOREACH step IN ARRAY coalesce(definitions, '{}') LOOP
    EXECUTE step;
  END LOOP;
  IF remark IS NOT NULL THEN
    EXECUTE format('COMMENT ON TABLE %s IS %L', parted, remark);
  END IF;
  EXECUTE format('ALTER TABLE %s ATTACH PARTITION %I.%I DEFAULT', parted, schema_name, rest);
  RETURN true;
END
$$;

REVOKE ALL ON FUNCTION lock_key_targets(oid), part_by_month(text, text, text) FROM PUBLIC;

-- down
DROP FUNCTION part_by_month(text, text, text);
CREATE OR REPLACE FUNCTION ensure_month_partitions(schema_name text, months integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  parent record;
  first_day date;
  made integer := 0;
BEGIN
  FOR parent IN
    SELECT c.oid, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_partitioned_table p ON p.partrelid = c.oid
    WHERE n.nspname = schema_name AND p.partstrat = 'r'
  LOOP
    FOR month IN 0 .. months - 1 LOOP
      first_day := (date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => month))::date;
      IF to_regclass(format('%I.%I', schema_name, parent.relname || to_char(first_day, '"_y"YYYY"m"MM'))) IS NULL THEN
        EXECUTE format('CREATE TABLE %I.%I PARTITION OF %I.%I FOR VALUES FROM (%L) TO (%L)',
          schema_name, parent.relname || to_char(first_day, '"_y"YYYY"m"MM'), schema_name, parent.relname,
          first_day::timestamp AT TIME ZONE 'UTC', (first_day + interval '1 month')::timestamp AT TIME ZONE 'UTC');
        made := made + 1;
      END IF;
    END LOOP;
  END LOOP;
  RETURN made;
END
$$;
DROP FUNCTION lock_key_targets(oid);
