-- why: a version names the last file of the product and the last one of an importer, for neither says anything of the other
-- accept: validated-constraint there is a row for each process, and no more
-- up
-- `0014_people.sql+5003_points.sql <hash>`, see core/migrations/version.ts: whether one version (or a process) lacks some of another, or a
-- file. Who has written only the last of all, `5003_points.sql <hash>`, lacks every file of the product as far as anybody knows.
CREATE FUNCTION is_behind(version text, than text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT coalesce(substring(version FROM '^[0-4]\d{3}_[^+ ]*'), '') COLLATE "C" < coalesce(substring(than FROM '^[0-4]\d{3}_[^+ ]*'), '')
      OR coalesce(substring(version FROM '(?:^|\+)([5-9]\d{3}_[^ ]*)'), '') COLLATE "C" < coalesce(substring(than FROM '(?:^|\+)([5-9]\d{3}_[^ ]*)'), '')
$$;

-- Each version that some schema has, once: from one to the next by the index, however many schemas there are.
CREATE VIEW fleet_versions AS
  WITH RECURSIVE every (version) AS (
    SELECT min(version) FROM tenant_versions
    UNION ALL
    SELECT (SELECT min(v.version) FROM tenant_versions v WHERE v.version > every.version) FROM every WHERE every.version IS NOT NULL
  )
  SELECT version FROM every WHERE version IS NOT NULL;

-- One expand for each folder, joined as in a version.
CREATE OR REPLACE FUNCTION serving_floor() RETURNS text LANGUAGE sql STABLE AS $$
  SELECT nullif(concat_ws('+', max(c.after) FILTER (WHERE c.after < '5000'), max(c.after) FILTER (WHERE c.after >= '5000')), '')
  FROM public.migration_contracts c
  WHERE EXISTS (SELECT FROM public.fleet_versions v WHERE NOT public.is_behind(v.version, c.name))
     OR EXISTS (SELECT FROM public.migration_runs r WHERE r.status IN ('running', 'paused') AND r.direction = 'up'
                AND NOT public.is_behind(r.target, c.name))
$$;

CREATE OR REPLACE FUNCTION beat_process(process uuid, process_kind text, process_release text, process_version text, every double precision,
  answered bigint, failed bigint, OUT on_request boolean, OUT floor text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared(hashtext('secretaria.window'), 0);
  INSERT INTO public.service_processes AS p (id, kind, release, version, beat_seconds, requests, server_errors)
  VALUES (process, process_kind, process_release, process_version, every, answered, failed)
  ON CONFLICT (id) DO UPDATE SET seen_at = now(), requests = excluded.requests, server_errors = excluded.server_errors
    WHERE p.kind = excluded.kind AND p.version = excluded.version;
  IF process_kind = 'control-plane' THEN
    DELETE FROM public.service_processes d WHERE d.id IN (
      SELECT s.id FROM public.service_processes s WHERE s.seen_at <= now() - make_interval(secs => s.beat_seconds * 10)
      FOR UPDATE SKIP LOCKED);
  END IF;
  on_request := EXISTS (SELECT FROM public.migration_runs r WHERE r.status = 'running' AND r.mode = 'on-request');
  floor := public.serving_floor();
  -- An older release compares texts, and its own begins with the importer's file: nothing of the product's would hold it back.
  IF process_version ~ '^[5-9]\d{3}_' AND floor < '5000' COLLATE "C" THEN
    floor := '~ ' || floor;
  END IF;
END
$$;

REVOKE ALL ON FUNCTION is_behind(text, text) FROM PUBLIC;
-- The hash in a version says which of the product's files come before the name. Where no list that ever ran makes it, the name stays: such a
-- schema is behind, and the next run, which finds nothing to do in it, names it anew.
WITH files AS (
  SELECT name COLLATE "C" AS name, checksum, name COLLATE "C" >= '5000' AS is_own FROM applied_migrations WHERE kind = 'tenant'
), named AS (
  SELECT old.version, product.name || '+' || old.version AS better
  FROM (SELECT DISTINCT version FROM tenant_versions WHERE version >= '5000') AS old
  CROSS JOIN (SELECT name FROM files WHERE NOT is_own UNION ALL SELECT '0000') AS product
  WHERE split_part(old.version, ' ', 2) = left(encode(sha256(convert_to((
    SELECT string_agg(f.name || ' ' || f.checksum || E'\n', '' ORDER BY f.name) FROM files f
    WHERE f.name <= CASE WHEN f.is_own THEN split_part(old.version, ' ', 1) ELSE product.name END), 'UTF8')), 'hex'), 16)
)
UPDATE tenant_versions t SET version = named.better FROM named WHERE t.version = named.version;
UPDATE spare_tenants s SET version = t.version FROM tenant_versions t WHERE t.tenant_id = s.id AND s.version ~ '^[5-9]\d{3}_';

-- Two names of files, and a hash.
ALTER TABLE service_processes DROP CONSTRAINT service_processes_version_check;
ALTER TABLE service_processes ADD CONSTRAINT service_processes_version_check CHECK (length(version) BETWEEN 1 AND 600);

-- down
UPDATE spare_tenants SET version = regexp_replace(version, '^[^+ ]*\+', '') WHERE version LIKE '%+%';
UPDATE tenant_versions SET version = regexp_replace(version, '^[^+ ]*\+', '') WHERE version LIKE '%+%';
DELETE FROM service_processes WHERE length(version) > 300;
ALTER TABLE service_processes DROP CONSTRAINT service_processes_version_check;
ALTER TABLE service_processes ADD CONSTRAINT service_processes_version_check CHECK (length(version) BETWEEN 1 AND 300);
CREATE OR REPLACE FUNCTION beat_process(process uuid, process_kind text, process_release text, process_version text, every double precision,
  answered bigint, failed bigint, OUT on_request boolean, OUT floor text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared(hashtext('secretaria.window'), 0);
  INSERT INTO public.service_processes AS p (id, kind, release, version, beat_seconds, requests, server_errors)
  VALUES (process, process_kind, process_release, process_version, every, answered, failed)
  ON CONFLICT (id) DO UPDATE SET seen_at = now(), requests = excluded.requests, server_errors = excluded.server_errors
    WHERE p.kind = excluded.kind AND p.version = excluded.version;
  IF process_kind = 'control-plane' THEN
    DELETE FROM public.service_processes d WHERE d.id IN (
      SELECT s.id FROM public.service_processes s WHERE s.seen_at <= now() - make_interval(secs => s.beat_seconds * 10)
      FOR UPDATE SKIP LOCKED);
  END IF;
  on_request := EXISTS (SELECT FROM public.migration_runs r WHERE r.status = 'running' AND r.mode = 'on-request');
  floor := public.serving_floor();
END
$$;

CREATE OR REPLACE FUNCTION serving_floor() RETURNS text LANGUAGE sql STABLE AS $$
  SELECT max(c.after) FROM public.migration_contracts c
  WHERE EXISTS (SELECT FROM public.tenant_versions v WHERE v.version >= c.name)
     OR EXISTS (SELECT FROM public.migration_runs r WHERE r.status IN ('running', 'paused') AND r.direction = 'up'
                AND r.target COLLATE "C" >= c.name)
$$;

DROP VIEW fleet_versions;
DROP FUNCTION is_behind(text, text);
