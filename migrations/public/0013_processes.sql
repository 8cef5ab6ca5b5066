-- why: which processes are at work, what each knows of tenants' migrations and how it fares; what none may be older than
-- up
-- A process says what is in its row every `beat_seconds`, and takes the row away when it stops.
CREATE TABLE service_processes (
  id uuid PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('control-plane', 'runtime', 'worker')),
  release text NOT NULL CHECK (length(release) BETWEEN 1 AND 100),
  -- As core/migrations/version.ts makes it: of the newest migration that the process knows.
  version text COLLATE "C" NOT NULL CHECK (length(version) BETWEEN 1 AND 300),
  beat_seconds double precision NOT NULL CHECK (beat_seconds BETWEEN 0.01 AND 3600),
  -- Requests of tenants answered since it started, and those of them answered with 5xx.
  requests bigint NOT NULL DEFAULT 0,
  server_errors bigint NOT NULL DEFAULT 0,
  started_at timestamptz NOT NULL DEFAULT now(),
  seen_at timestamptz NOT NULL DEFAULT now()
);
-- Serving roles write through the functions below and read nothing: there is no policy for them.
ALTER TABLE service_processes ENABLE ROW LEVEL SECURITY;

-- Ten beats of silence, and a process counts as dead.
CREATE VIEW living_processes AS
  SELECT * FROM service_processes WHERE seen_at > now() - make_interval(secs => beat_seconds * 10);

-- Contracts that a run was allowed to apply, and the expand that each comes after.
CREATE TABLE migration_contracts (
  name text COLLATE "C" PRIMARY KEY,
  after text COLLATE "C" NOT NULL
);

-- The newest expand whose contract is in a schema, or on its way there: who does not know it breaks that company.
-- Null where nothing was taken away.
CREATE FUNCTION serving_floor() RETURNS text LANGUAGE sql STABLE AS $$
  SELECT max(c.after) FROM public.migration_contracts c
  WHERE EXISTS (SELECT FROM public.tenant_versions v WHERE v.version >= c.name)
     OR EXISTS (SELECT FROM public.migration_runs r WHERE r.status IN ('running', 'paused') AND r.direction = 'up'
                AND r.target COLLATE "C" >= c.name)
$$;

-- The shared lock keeps a process from starting unseen while a run looks who is at work (its other side is exclusive).
CREATE FUNCTION beat_process(process uuid, process_kind text, process_release text, process_version text, every double precision,
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

CREATE FUNCTION end_process(process uuid) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  DELETE FROM public.service_processes WHERE id = process
$$;

-- Somebody asked for these tenants: those that an open run of mode `on-request` still waits for are named to its coordinator.
CREATE FUNCTION touch_tenants(touched bigint[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT pg_notify('secretaria_fleet', m.tenant_id::text)
  FROM public.migration_runs r JOIN public.migration_results m ON m.run_id = r.id
  WHERE r.status = 'running' AND r.mode = 'on-request' AND m.status = 'waiting' AND m.tenant_id = ANY (touched)
$$;

REVOKE ALL ON FUNCTION serving_floor(), end_process(uuid), touch_tenants(bigint[]),
  beat_process(uuid, text, text, text, double precision, bigint, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION end_process(uuid), touch_tenants(bigint[]),
  beat_process(uuid, text, text, text, double precision, bigint, bigint) TO secretaria_registry;

-- down
DROP FUNCTION touch_tenants(bigint[]);
DROP FUNCTION end_process(uuid);
DROP FUNCTION beat_process(uuid, text, text, text, double precision, bigint, bigint);
DROP FUNCTION serving_floor();
DROP TABLE migration_contracts;
DROP VIEW living_processes;
DROP TABLE service_processes;
