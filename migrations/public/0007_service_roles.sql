-- why: what the runtime and the workers may read of the registry, how they hear of changes, and that tenants may nothing
-- up
REVOKE ALL ON SCHEMA public FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
GRANT USAGE ON SCHEMA extensions TO PUBLIC;

GRANT USAGE ON SCHEMA public TO secretaria_registry;
GRANT SELECT ON companies, domains, certificates, plans, modules, plan_modules, subscriptions, tenant_modules,
  revoked_tokens TO secretaria_registry;
GRANT SELECT ON signing_keys TO secretaria_registry;
ALTER TABLE signing_keys ENABLE ROW LEVEL SECURITY;
CREATE POLICY runtime_sees_tenant_keys ON signing_keys FOR SELECT TO secretaria_registry USING (purpose = 'tenant');

-- The payload is only a hint to look again: any role may send one.
CREATE FUNCTION notify_registry_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_TABLE_NAME = 'companies' THEN
    PERFORM pg_notify('secretaria_registry', coalesce(NEW.id, OLD.id)::text);
  ELSE
    PERFORM pg_notify('secretaria_registry', coalesce(NEW.company_id, OLD.company_id)::text);
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER companies_notify AFTER INSERT OR UPDATE OR DELETE ON companies
  FOR EACH ROW EXECUTE FUNCTION notify_registry_change();
CREATE TRIGGER domains_notify AFTER INSERT OR UPDATE OR DELETE ON domains
  FOR EACH ROW EXECUTE FUNCTION notify_registry_change();
CREATE TRIGGER tenant_modules_notify AFTER INSERT OR UPDATE OR DELETE ON tenant_modules
  FOR EACH ROW EXECUTE FUNCTION notify_registry_change();
CREATE TRIGGER subscriptions_notify AFTER INSERT OR UPDATE OR DELETE ON subscriptions
  FOR EACH ROW EXECUTE FUNCTION notify_registry_change();

-- down
DROP TRIGGER subscriptions_notify ON subscriptions;
DROP TRIGGER tenant_modules_notify ON tenant_modules;
DROP TRIGGER domains_notify ON domains;
DROP TRIGGER companies_notify ON companies;
DROP FUNCTION notify_registry_change();
DROP POLICY runtime_sees_tenant_keys ON signing_keys;
ALTER TABLE signing_keys DISABLE ROW LEVEL SECURITY;
REVOKE SELECT ON companies, domains, certificates, plans, modules, plan_modules, subscriptions, tenant_modules,
  revoked_tokens, signing_keys FROM secretaria_registry;
REVOKE USAGE ON SCHEMA public FROM secretaria_registry;
REVOKE USAGE ON SCHEMA extensions FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO PUBLIC;
