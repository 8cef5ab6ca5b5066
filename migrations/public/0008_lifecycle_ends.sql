-- why: a company can be closed for a grace period, rolled back, exported, inspected, made ahead of time, and written to
-- up
ALTER TABLE companies
  DROP CONSTRAINT companies_desired_state_check,
  ADD CONSTRAINT companies_desired_state_check
    CHECK (desired_state IN ('active', 'suspended', 'closed', 'deleted', 'rolled_back')),
  ADD COLUMN on_failure text NOT NULL DEFAULT 'rollback' CHECK (on_failure IN ('rollback', 'hold')),
  ADD COLUMN made_plan boolean NOT NULL DEFAULT false,
  ADD COLUMN locale text NOT NULL DEFAULT 'pt-BR' CHECK (locale IN ('pt-BR', 'en')),
  ADD COLUMN closed_from text CHECK (closed_from IN ('active', 'suspended')),
  ADD COLUMN purge_after timestamptz,
  ADD CONSTRAINT companies_closed_for_a_time
    CHECK (desired_state <> 'closed' OR (purge_after IS NOT NULL AND closed_from IS NOT NULL));
CREATE INDEX companies_to_purge ON companies (purge_after) WHERE desired_state = 'closed';

-- 'archive' is no part of a living company: its row is written when everything else is to go.
ALTER TABLE tenant_resources
  DROP CONSTRAINT tenant_resources_name_check,
  ADD CONSTRAINT tenant_resources_name_check
    CHECK (name IN ('database', 'cache', 'queue', 'owner', 'dns', 'certificate', 'worker', 'archive'));
INSERT INTO tenant_resources (company_id, name)
  SELECT company_id, 'archive' FROM tenant_statuses WHERE status = 'deleting';

-- Operations outlive a company that was rolled back; `steps` is then the last picture of its resources.
ALTER TABLE operations
  DROP CONSTRAINT operations_company_id_fkey,
  DROP CONSTRAINT operations_kind_check,
  ADD CONSTRAINT operations_kind_check CHECK (kind IN ('provision', 'retry', 'suspend', 'resume', 'delete', 'undelete',
    'purge', 'rollback', 'reconcile', 'import', 'adopt')),
  ADD COLUMN steps jsonb CHECK (jsonb_typeof(steps) = 'array');

ALTER TABLE outbox
  ADD COLUMN last_error jsonb CHECK (jsonb_typeof(last_error) = 'object'),
  ADD COLUMN failed_at timestamptz;

-- When each company is looked at next, and what the last look found.
CREATE TABLE tenant_inspections (
  company_id bigint PRIMARY KEY REFERENCES companies ON DELETE CASCADE,
  next_at timestamptz NOT NULL,
  inspected_at timestamptz,
  result text CHECK (result IN ('ok', 'drifted', 'unknown')),
  findings jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(findings) = 'array')
);
CREATE INDEX tenant_inspections_due ON tenant_inspections (next_at);

-- Schemas made ahead: id and uuid are those of the company that will claim them; `version` names the migrations in them.
CREATE TABLE spare_tenants (
  id bigint PRIMARY KEY,
  uuid uuid NOT NULL UNIQUE,
  version text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  checked_at timestamptz NOT NULL DEFAULT now()
);

-- Exports of whole tenants: where the file is and what is in it.
CREATE TABLE tenant_archives (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  company_id bigint NOT NULL REFERENCES companies ON DELETE RESTRICT,
  purpose text NOT NULL CHECK (purpose IN ('export', 'final')),
  path text NOT NULL,
  bytes bigint NOT NULL CHECK (bytes >= 0),
  sha256 text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
  manifest jsonb NOT NULL CHECK (jsonb_typeof(manifest) = 'object'),
  created_at timestamptz NOT NULL DEFAULT now(),
  verified_at timestamptz,
  expires_at timestamptz,
  removed_at timestamptz
);
CREATE INDEX tenant_archives_by_company ON tenant_archives (company_id, id);
CREATE INDEX tenant_archives_by_expiry ON tenant_archives (expires_at) WHERE removed_at IS NULL;

-- What was removed of a deleted company, and when; `jws` is the same, signed (RFC 7515).
CREATE TABLE deletion_manifests (
  company_id bigint PRIMARY KEY,
  manifest jsonb NOT NULL CHECK (jsonb_typeof(manifest) = 'object'),
  jws text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE OR REPLACE VIEW tenant_statuses AS
SELECT c.id AS company_id, CASE
    WHEN c.desired_state = 'deleted' THEN CASE WHEN r.gone AND NOT EXISTS (
      SELECT FROM operations o WHERE o.company_id = c.id AND o.status = 'running') THEN 'deleted' ELSE 'deleting' END
    WHEN c.desired_state = 'closed' THEN 'deleting'
    WHEN c.desired_state = 'rolled_back' THEN 'failed'
    WHEN c.desired_state = 'suspended' THEN 'suspended'
    WHEN r.servable THEN CASE WHEN r.failed THEN 'degraded' ELSE 'active' END
    WHEN c.first_active_at IS NOT NULL THEN 'degraded'
    WHEN r.stuck THEN 'failed'
    ELSE 'provisioning'
  END AS status
FROM companies c
CROSS JOIN LATERAL (
  SELECT coalesce(bool_and(t.status = CASE t.name WHEN 'archive' THEN 'ready' ELSE 'absent' END), true) AS gone,
    count(*) FILTER (WHERE t.status = 'ready' AND t.name IN ('database', 'cache', 'queue', 'owner')) = 4 AS servable,
    coalesce(bool_or(t.status = 'failed'), false) AS failed,
    coalesce(bool_or(t.status = 'failed' AND t.next_attempt_at IS NULL), false) AS stuck
  FROM tenant_resources t WHERE t.company_id = c.id
) AS r;

-- down
CREATE OR REPLACE VIEW tenant_statuses AS
SELECT c.id AS company_id, CASE
    WHEN c.desired_state = 'deleted' THEN CASE WHEN r.gone THEN 'deleted' ELSE 'deleting' END
    WHEN c.desired_state = 'suspended' THEN 'suspended'
    WHEN r.servable THEN CASE WHEN r.failed THEN 'degraded' ELSE 'active' END
    WHEN c.first_active_at IS NOT NULL THEN 'degraded'
    WHEN r.stuck THEN 'failed'
    ELSE 'provisioning'
  END AS status
FROM companies c
CROSS JOIN LATERAL (
  SELECT coalesce(bool_and(t.status = 'absent'), true) AS gone,
    count(*) FILTER (WHERE t.status = 'ready' AND t.name IN ('database', 'cache', 'queue', 'owner')) = 4 AS servable,
    coalesce(bool_or(t.status = 'failed'), false) AS failed,
    coalesce(bool_or(t.status = 'failed' AND t.next_attempt_at IS NULL), false) AS stuck
  FROM tenant_resources t WHERE t.company_id = c.id
) AS r;
DROP TABLE deletion_manifests;
DROP TABLE tenant_archives;
DROP TABLE spare_tenants;
DROP TABLE tenant_inspections;
ALTER TABLE outbox DROP COLUMN last_error, DROP COLUMN failed_at;
ALTER TABLE operations
  DROP COLUMN steps,
  DROP CONSTRAINT operations_kind_check,
  ADD CONSTRAINT operations_kind_check
    CHECK (kind IN ('provision', 'retry', 'suspend', 'resume', 'delete', 'reconcile')) NOT VALID,
  ADD CONSTRAINT operations_company_id_fkey FOREIGN KEY (company_id) REFERENCES companies ON DELETE RESTRICT NOT VALID;
DELETE FROM tenant_resources WHERE name = 'archive';
ALTER TABLE tenant_resources
  DROP CONSTRAINT tenant_resources_name_check,
  ADD CONSTRAINT tenant_resources_name_check
    CHECK (name IN ('database', 'cache', 'queue', 'owner', 'dns', 'certificate', 'worker'));
-- A closed company goes back to what it was; nothing that was kept is removed by a step back.
UPDATE companies SET desired_state = closed_from WHERE desired_state = 'closed';
UPDATE companies SET desired_state = 'deleted' WHERE desired_state = 'rolled_back';
ALTER TABLE companies
  DROP CONSTRAINT companies_closed_for_a_time,
  DROP CONSTRAINT companies_desired_state_check,
  ADD CONSTRAINT companies_desired_state_check CHECK (desired_state IN ('active', 'suspended', 'deleted')),
  DROP COLUMN on_failure, DROP COLUMN made_plan, DROP COLUMN locale, DROP COLUMN closed_from, DROP COLUMN purge_after;
