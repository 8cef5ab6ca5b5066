-- why: what is really there for each tenant, the operations that change it, and the answers already given
-- up
CREATE TABLE tenant_resources (
  company_id bigint NOT NULL REFERENCES companies ON DELETE CASCADE,
  name text NOT NULL CHECK (name IN ('database', 'cache', 'queue', 'owner', 'dns', 'certificate', 'worker')),
  status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'working', 'ready', 'failed', 'absent')),
  attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
  last_error jsonb CHECK (jsonb_typeof(last_error) = 'object'),
  next_attempt_at timestamptz DEFAULT now(),
  ready_at timestamptz,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (company_id, name)
);
CREATE INDEX tenant_resources_due ON tenant_resources (next_attempt_at) WHERE next_attempt_at IS NOT NULL;

CREATE TABLE operations (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  company_id bigint NOT NULL REFERENCES companies ON DELETE RESTRICT,
  kind text NOT NULL CHECK (kind IN ('provision', 'retry', 'suspend', 'resume', 'delete', 'reconcile')),
  status text NOT NULL DEFAULT 'running' CHECK (status IN ('running', 'succeeded', 'failed')),
  requested_by text NOT NULL,
  correlation_id text NOT NULL,
  last_seq integer NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz,
  CHECK ((status = 'running') = (finished_at IS NULL))
);
CREATE INDEX operations_by_company ON operations (company_id, created_at DESC);
CREATE UNIQUE INDEX operations_one_running ON operations (company_id) WHERE status = 'running';

-- seq grows without gaps inside an operation: it is taken from the operation's row, whose lock orders the writers.
CREATE TABLE operation_events (
  operation_id uuid NOT NULL REFERENCES operations ON DELETE CASCADE,
  seq integer NOT NULL,
  type text NOT NULL,
  resource text,
  data jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(data) = 'object'),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (operation_id, seq)
);

-- answer_sealed holds the whole first answer, encrypted: it carries the initial token.
CREATE TABLE idempotency_keys (
  key text NOT NULL CHECK (char_length(key) BETWEEN 1 AND 255),
  requested_by text NOT NULL,
  request_hash text NOT NULL,
  company_id bigint REFERENCES companies ON DELETE CASCADE,
  status_code integer,
  answer_sealed text,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL DEFAULT now() + interval '24 hours',
  PRIMARY KEY (requested_by, key),
  CHECK ((status_code IS NULL) = (answer_sealed IS NULL))
);
CREATE INDEX idempotency_keys_by_expiry ON idempotency_keys (expires_at);
CREATE INDEX idempotency_keys_by_company ON idempotency_keys (company_id);

CREATE TABLE outbox (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind text NOT NULL,
  company_id bigint REFERENCES companies ON DELETE CASCADE,
  payload jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(payload) = 'object'),
  attempts integer NOT NULL DEFAULT 0,
  next_attempt_at timestamptz NOT NULL DEFAULT now(),
  done_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX outbox_due ON outbox (next_attempt_at) WHERE done_at IS NULL;
CREATE INDEX outbox_by_company ON outbox (company_id);

-- What a person sees of a company; derived here and nowhere else. The four names are what it cannot be served without.
CREATE VIEW tenant_statuses AS
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

-- down
DROP VIEW tenant_statuses;
DROP TABLE outbox;
DROP TABLE idempotency_keys;
DROP TABLE operation_events;
DROP TABLE operations;
DROP TABLE tenant_resources;
