-- why: which version every tenant's schema has, and the runs that bring the whole fleet to another one
-- up
-- One row for each schema, of a company or made ahead; written in the transaction that changes the schema, so it cannot
-- say anything else. `version` as core/migrations/version.ts makes it: what is not at head is two ranges of its index.
CREATE TABLE tenant_versions (
  tenant_id bigint PRIMARY KEY,
  uuid uuid NOT NULL,
  version text COLLATE "C" NOT NULL,
  -- Knex's number of the last batch; a look at its own table would cost each tenant a tenth of a millisecond.
  batch integer NOT NULL DEFAULT 1,
  fingerprint text CHECK (fingerprint ~ '^[0-9a-f]{64}$'),
  verified_at timestamptz,
  is_canary boolean NOT NULL DEFAULT false,
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX tenant_versions_by_version ON tenant_versions (version, tenant_id);

-- The file's text as it was when it first ran anywhere: history is not edited.
CREATE TABLE applied_migrations (
  kind text NOT NULL CHECK (kind IN ('public', 'tenant')),
  name text NOT NULL,
  checksum text NOT NULL CHECK (checksum ~ '^[0-9a-f]{64}$'),
  first_applied_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (kind, name)
);

CREATE TABLE migration_runs (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  direction text NOT NULL CHECK (direction IN ('up', 'down')),
  -- Where every tenant is to arrive; null: each undoes its own last batch.
  target text CHECK (direction = 'down' OR target IS NOT NULL),
  mode text NOT NULL DEFAULT 'eager' CHECK (mode IN ('eager', 'on-request')),
  status text NOT NULL DEFAULT 'running' CHECK (status IN ('running', 'paused', 'aborted', 'failed', 'succeeded')),
  -- How it was asked for: waves, concurrency, bake time, when to pause; see control-plane/fleet/run-options.ts.
  options jsonb NOT NULL CHECK (jsonb_typeof(options) = 'object'),
  requested_by text NOT NULL,
  wave integer NOT NULL DEFAULT 1,
  pause_reason text,
  -- What had failed by then was seen by whoever let it go on.
  resumed_at timestamptz NOT NULL DEFAULT '-infinity',
  coordinator text,
  lease_token bigint NOT NULL DEFAULT 0,
  lease_expires_at timestamptz NOT NULL DEFAULT now(),
  created_at timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz,
  CHECK ((status IN ('running', 'paused')) = (finished_at IS NULL))
);
CREATE UNIQUE INDEX migration_runs_one_open ON migration_runs ((true)) WHERE status IN ('running', 'paused');

CREATE TABLE migration_waves (
  run_id uuid NOT NULL REFERENCES migration_runs ON DELETE CASCADE,
  number integer NOT NULL,
  name text NOT NULL,
  status text NOT NULL DEFAULT 'waiting' CHECK (status IN ('waiting', 'running', 'baking', 'done')),
  started_at timestamptz,
  bake_until timestamptz,
  finished_at timestamptz,
  PRIMARY KEY (run_id, number)
);

-- 'done' is written in the transaction that changed the schema. 'skipped': the schema went, or was there already.
CREATE TABLE migration_results (
  run_id uuid NOT NULL REFERENCES migration_runs ON DELETE CASCADE,
  tenant_id bigint NOT NULL,
  wave integer NOT NULL,
  status text NOT NULL DEFAULT 'waiting' CHECK (status IN ('waiting', 'done', 'failed', 'skipped')),
  from_version text COLLATE "C" NOT NULL,
  to_version text COLLATE "C",
  attempts integer NOT NULL DEFAULT 0,
  next_attempt_at timestamptz NOT NULL DEFAULT '-infinity',
  first_busy_at timestamptz,
  duration_ms double precision,
  error jsonb CHECK (jsonb_typeof(error) = 'object'),
  finished_at timestamptz,
  PRIMARY KEY (run_id, tenant_id)
) WITH (fillfactor = 70);
CREATE INDEX migration_results_waiting ON migration_results (run_id, wave, tenant_id) WHERE status = 'waiting';
CREATE INDEX migration_results_failed ON migration_results (run_id, tenant_id) WHERE status = 'failed';

-- First statement of every transaction that changes the version of a tenant's schema. SE002: another one is at it;
-- SE003: it has another version by now; SE004: the schema is another's, or gone.
CREATE FUNCTION begin_tenant_migration(tenant bigint, expected text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  known public.tenant_versions%ROWTYPE;
BEGIN
  IF NOT pg_try_advisory_xact_lock(hashtext('secretaria.migrate'), hashtext('tenant_' || tenant)) THEN
    RAISE EXCEPTION 'tenant % is being migrated by another process', tenant USING ERRCODE = 'SE002';
  END IF;
  SELECT * INTO known FROM public.tenant_versions WHERE tenant_id = tenant;
  IF known.version <> expected THEN
    RAISE EXCEPTION 'tenant % is at version %, not %', tenant, known.version, expected USING ERRCODE = 'SE003';
  END IF;
  IF known.uuid IS NULL OR obj_description(to_regnamespace('tenant_' || tenant), 'pg_namespace') IS DISTINCT FROM 'secretaria tenant ' || known.uuid THEN
    RAISE EXCEPTION 'schema tenant_% is missing or carries another mark', tenant USING ERRCODE = 'SE004';
  END IF;
END
$$;

-- The last one. Without a run it is a tenant migrated by itself; without a batch none was begun. A path of its own: with each tenant's the server would
-- plan the statements anew.
CREATE FUNCTION end_tenant_migration(tenant bigint, reached text, begun integer, run uuid) RETURNS void
LANGUAGE plpgsql SET search_path TO public, pg_temp AS $$
BEGIN
  UPDATE tenant_versions SET version = reached, batch = coalesce(begun, batch), fingerprint = NULL, verified_at = NULL,
    updated_at = now() WHERE tenant_id = tenant;
  UPDATE spare_tenants SET version = reached, checked_at = '-infinity' WHERE id = tenant AND version <> 'discarded';
  IF run IS NOT NULL THEN
    UPDATE migration_results SET status = 'done', to_version = reached, attempts = attempts + 1, error = NULL,
      duration_ms = extract(epoch FROM clock_timestamp() - now()) * 1000, finished_at = now()
      WHERE run_id = run AND tenant_id = tenant;
  END IF;
END
$$;

-- Schemas that were there before this table: their version is found out when they are next looked at. '0000' is behind all.
INSERT INTO tenant_versions (tenant_id, uuid, version)
SELECT owner.id, owner.uuid, '0000 unknown'
FROM (SELECT id, uuid FROM companies UNION ALL SELECT id, uuid FROM spare_tenants) AS owner
WHERE obj_description(to_regnamespace('tenant_' || owner.id), 'pg_namespace') = 'secretaria tenant ' || owner.uuid
ON CONFLICT DO NOTHING;

-- down
DROP FUNCTION end_tenant_migration(bigint, text, integer, uuid);
DROP FUNCTION begin_tenant_migration(bigint, text);
DROP TABLE migration_results;
DROP TABLE migration_waves;
DROP TABLE migration_runs;
DROP TABLE applied_migrations;
DROP TABLE tenant_versions;
