-- why: what the batch that makes a tenant calls inside its one transaction
-- up
CREATE SCHEMA IF NOT EXISTS extensions;

-- Share-locks the lease row: a takeover waits until the transaction that asserted it has ended.
CREATE FUNCTION assert_lease(company bigint, fence bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM tenant_leases WHERE company_id = company AND token = fence FOR SHARE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'lease % of tenant % is lost', fence, company USING ERRCODE = 'SE001';
  END IF;
END
$$;

-- Makes partitions <table>_yYYYYmMM for the current month and those after it, `months` in all, where they are missing.
CREATE FUNCTION ensure_month_partitions(schema_name text, months integer) RETURNS integer LANGUAGE plpgsql AS $$
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

-- down
DROP FUNCTION ensure_month_partitions(text, integer);
DROP FUNCTION assert_lease(bigint, bigint);
DROP SCHEMA extensions;
