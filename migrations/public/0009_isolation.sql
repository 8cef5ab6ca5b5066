-- why: what the runtime may read is bounded row by row, and a plan may ask for a login of the company's own
-- up
ALTER TABLE plans ADD COLUMN isolation text NOT NULL DEFAULT 'pooled' CHECK (isolation IN ('pooled', 'dedicated'));

-- The registry's role finds the company behind any host, so without a tenant it sees all rows; for a tenant only that one's.
-- A sub-select in brackets is run once for a statement, and only where the first half is not true.
ALTER TABLE companies ENABLE ROW LEVEL SECURITY;
CREATE POLICY registry_reads ON companies FOR SELECT TO secretaria_registry USING (
  coalesce(current_setting('app.current_tenant', true), '') IN ('', uuid::text));

ALTER TABLE domains ENABLE ROW LEVEL SECURITY;
CREATE POLICY registry_reads ON domains FOR SELECT TO secretaria_registry USING (
  coalesce(current_setting('app.current_tenant', true), '') = '' OR company_id = (SELECT c.id FROM companies c
    WHERE c.uuid = nullif(current_setting('app.current_tenant', true), '')::uuid));

ALTER TABLE certificates ENABLE ROW LEVEL SECURITY;
CREATE POLICY registry_reads ON certificates FOR SELECT TO secretaria_registry USING (
  coalesce(current_setting('app.current_tenant', true), '') = '' OR company_id = (SELECT c.id FROM companies c
    WHERE c.uuid = nullif(current_setting('app.current_tenant', true), '')::uuid));

ALTER TABLE subscriptions ENABLE ROW LEVEL SECURITY;
CREATE POLICY registry_reads ON subscriptions FOR SELECT TO secretaria_registry USING (
  coalesce(current_setting('app.current_tenant', true), '') = '' OR company_id = (SELECT c.id FROM companies c
    WHERE c.uuid = nullif(current_setting('app.current_tenant', true), '')::uuid));

ALTER TABLE tenant_modules ENABLE ROW LEVEL SECURITY;
CREATE POLICY registry_reads ON tenant_modules FOR SELECT TO secretaria_registry USING (
  coalesce(current_setting('app.current_tenant', true), '') = '' OR company_id = (SELECT c.id FROM companies c
    WHERE c.uuid = nullif(current_setting('app.current_tenant', true), '')::uuid));

-- These say nothing about a company.
ALTER TABLE plans ENABLE ROW LEVEL SECURITY;
CREATE POLICY registry_reads ON plans FOR SELECT TO secretaria_registry USING (true);
ALTER TABLE modules ENABLE ROW LEVEL SECURITY;
CREATE POLICY registry_reads ON modules FOR SELECT TO secretaria_registry USING (true);
ALTER TABLE plan_modules ENABLE ROW LEVEL SECURITY;
CREATE POLICY registry_reads ON plan_modules FOR SELECT TO secretaria_registry USING (true);
ALTER TABLE revoked_tokens ENABLE ROW LEVEL SECURITY;
CREATE POLICY registry_reads ON revoked_tokens FOR SELECT TO secretaria_registry USING (true);

-- down
DROP POLICY registry_reads ON revoked_tokens;
ALTER TABLE revoked_tokens DISABLE ROW LEVEL SECURITY;
DROP POLICY registry_reads ON plan_modules;
ALTER TABLE plan_modules DISABLE ROW LEVEL SECURITY;
DROP POLICY registry_reads ON modules;
ALTER TABLE modules DISABLE ROW LEVEL SECURITY;
DROP POLICY registry_reads ON plans;
ALTER TABLE plans DISABLE ROW LEVEL SECURITY;
DROP POLICY registry_reads ON tenant_modules;
ALTER TABLE tenant_modules DISABLE ROW LEVEL SECURITY;
DROP POLICY registry_reads ON subscriptions;
ALTER TABLE subscriptions DISABLE ROW LEVEL SECURITY;
DROP POLICY registry_reads ON certificates;
ALTER TABLE certificates DISABLE ROW LEVEL SECURITY;
DROP POLICY registry_reads ON domains;
ALTER TABLE domains DISABLE ROW LEVEL SECURITY;
DROP POLICY registry_reads ON companies;
ALTER TABLE companies DISABLE ROW LEVEL SECURITY;
ALTER TABLE plans DROP COLUMN isolation;
