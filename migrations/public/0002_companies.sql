-- why: the tenants: what each company is, what should be true of it, what it has bought, and where it is reached
-- up
CREATE TABLE companies (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  uuid uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
  name text NOT NULL CHECK (char_length(name) BETWEEN 2 AND 120),
  slug text NOT NULL UNIQUE CHECK (slug ~ '^[a-z][a-z0-9-]{1,30}[a-z0-9]$' AND slug !~ '--'),
  domain text NOT NULL UNIQUE CHECK (domain = lower(domain) AND char_length(domain) BETWEEN 3 AND 253),
  base_domain text NOT NULL CHECK (base_domain = lower(base_domain) AND char_length(base_domain) BETWEEN 1 AND 190),
  owner_name text NOT NULL CHECK (char_length(owner_name) BETWEEN 1 AND 120),
  owner_email text NOT NULL CHECK (char_length(owner_email) BETWEEN 3 AND 254),
  desired_state text NOT NULL DEFAULT 'active' CHECK (desired_state IN ('active', 'suspended', 'deleted')),
  generation integer NOT NULL DEFAULT 1 CHECK (generation > 0),
  cluster_id integer NOT NULL REFERENCES database_clusters ON DELETE RESTRICT,
  first_active_at timestamptz,
  settings jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(settings) = 'object'),
  metadata jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metadata) = 'object'),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX companies_by_state ON companies (desired_state, id);

-- Apart from companies, because it is written every few seconds and the row of a company hardly ever.
CREATE TABLE tenant_leases (
  company_id bigint PRIMARY KEY REFERENCES companies ON DELETE CASCADE,
  token bigint NOT NULL DEFAULT 1,
  owner text NOT NULL,
  expires_at timestamptz NOT NULL
);

CREATE TABLE subscriptions (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  company_id bigint NOT NULL UNIQUE REFERENCES companies ON DELETE CASCADE,
  plan_id integer NOT NULL REFERENCES plans ON DELETE RESTRICT,
  status text NOT NULL DEFAULT 'active' CHECK (status IN ('trialing', 'active', 'past_due', 'canceled')),
  started_at timestamptz NOT NULL DEFAULT now(),
  canceled_at timestamptz,
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX subscriptions_by_plan ON subscriptions (plan_id);

CREATE TABLE tenant_modules (
  company_id bigint NOT NULL REFERENCES companies ON DELETE CASCADE,
  module_code text NOT NULL REFERENCES modules ON DELETE RESTRICT,
  enabled_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (company_id, module_code)
);
CREATE INDEX tenant_modules_by_module ON tenant_modules (module_code);

CREATE TABLE certificate_authorities (
  name text PRIMARY KEY,
  certificate text NOT NULL,
  private_key_sealed text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE certificates (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  company_id bigint NOT NULL REFERENCES companies ON DELETE CASCADE,
  issuer text NOT NULL,
  names text[] NOT NULL CHECK (cardinality(names) > 0),
  serial text NOT NULL,
  certificate text NOT NULL,
  private_key_sealed text NOT NULL,
  not_before timestamptz NOT NULL,
  not_after timestamptz NOT NULL CHECK (not_after > not_before),
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX certificates_by_company ON certificates (company_id);
CREATE INDEX certificates_by_expiry ON certificates (not_after);

CREATE TABLE domains (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  company_id bigint NOT NULL REFERENCES companies ON DELETE RESTRICT,
  host text NOT NULL UNIQUE CHECK (host = lower(host) AND char_length(host) BETWEEN 3 AND 253),
  kind text NOT NULL CHECK (kind IN ('chat', 'api', 'custom')),
  provider text NOT NULL DEFAULT 'local',
  domain_status text NOT NULL DEFAULT 'pending' CHECK (domain_status IN ('pending', 'ready', 'failed', 'removed')),
  ssl_status text NOT NULL DEFAULT 'pending' CHECK (ssl_status IN ('pending', 'active', 'failed', 'removed')),
  certificate_id bigint REFERENCES certificates ON DELETE SET NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CHECK (ssl_status <> 'active' OR certificate_id IS NOT NULL)
);
CREATE INDEX domains_by_company ON domains (company_id);
CREATE INDEX domains_by_certificate ON domains (certificate_id);

-- down
DROP TABLE domains;
DROP TABLE certificates;
DROP TABLE certificate_authorities;
DROP TABLE tenant_modules;
DROP TABLE subscriptions;
DROP TABLE tenant_leases;
DROP TABLE companies;
