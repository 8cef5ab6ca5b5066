-- why: what can be sold: clusters to place companies on, plans with their limits, modules, and which plan has which
-- up
CREATE TABLE database_clusters (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL UNIQUE CHECK (name ~ '^[a-z][a-z0-9-]{0,62}$'),
  is_default boolean NOT NULL DEFAULT false,
  accepts_tenants boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX database_clusters_one_default ON database_clusters (is_default) WHERE is_default;
INSERT INTO database_clusters (name, is_default) VALUES ('main', true);

CREATE TABLE plans (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  code text NOT NULL UNIQUE CHECK (code ~ '^[a-z][a-z0-9-]{1,30}$'),
  name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 80),
  price_cents integer NOT NULL CHECK (price_cents >= 0),
  limits jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(limits) = 'object'),
  is_active boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE modules (
  code text PRIMARY KEY CHECK (code ~ '^[a-z][a-z0-9-]{1,30}$'),
  name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 80),
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE plan_modules (
  plan_id integer NOT NULL REFERENCES plans ON DELETE CASCADE,
  module_code text NOT NULL REFERENCES modules ON DELETE RESTRICT,
  PRIMARY KEY (plan_id, module_code)
);
CREATE INDEX plan_modules_module ON plan_modules (module_code);

INSERT INTO plans (code, name, price_cents, limits) VALUES
  ('basic', 'Básico', 9900, '{"users_limit": 3, "stores_limit": 1, "storage_mb": 1024, "requests_per_second": 20}'),
  ('premium', 'Premium', 29900, '{"users_limit": 15, "stores_limit": 5, "storage_mb": 10240, "requests_per_second": 100}'),
  ('enterprise', 'Enterprise', 99900, '{"users_limit": 200, "stores_limit": 50, "storage_mb": 102400, "requests_per_second": 500}');

INSERT INTO modules (code, name) VALUES
  ('chat', 'Atendimento'), ('whatsapp', 'WhatsApp'), ('store', 'Loja'), ('campaigns', 'Campanhas'),
  ('workshop', 'Oficina'), ('finance', 'Financeiro'), ('crm', 'CRM'), ('ai', 'Orçamentos com IA');

INSERT INTO plan_modules (plan_id, module_code)
SELECT plans.id, granted.module_code
FROM (VALUES
  ('basic', ARRAY['chat', 'store', 'crm']),
  ('premium', ARRAY['chat', 'store', 'crm', 'whatsapp', 'campaigns', 'workshop', 'finance']),
  ('enterprise', ARRAY['chat', 'store', 'crm', 'whatsapp', 'campaigns', 'workshop', 'finance', 'ai'])
) AS seed (code, codes)
JOIN plans USING (code)
CROSS JOIN LATERAL unnest(seed.codes) AS granted (module_code);

-- down
DROP TABLE plan_modules;
DROP TABLE modules;
DROP TABLE plans;
DROP TABLE database_clusters;
