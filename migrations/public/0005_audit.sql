-- why: every act is kept, in order, and a row changed afterwards breaks the chain of hashes
-- up
CREATE TABLE audit_log (
  id bigint PRIMARY KEY,
  actor text NOT NULL,
  action text NOT NULL,
  company_id bigint,
  correlation_id text,
  data jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(data) = 'object'),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  previous_hash text NOT NULL,
  hash text NOT NULL
);
CREATE INDEX audit_log_by_company ON audit_log (company_id, id);

CREATE FUNCTION audit_row_hash(entry audit_log) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT encode(sha256(convert_to(jsonb_build_array(
    entry.id, entry.actor, entry.action, entry.company_id, entry.correlation_id, entry.data,
    extract(epoch FROM entry.created_at), entry.previous_hash)::text, 'UTF8')), 'hex')
$$;

-- The lock is held until commit: rows are chained in the order in which they become visible. Take it last.
CREATE FUNCTION chain_audit_row() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  last audit_log;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('secretaria.audit'), 0);
  SELECT * INTO last FROM audit_log ORDER BY id DESC LIMIT 1;
  NEW.id := coalesce(last.id, 0) + 1;
  NEW.previous_hash := coalesce(last.hash, '');
  NEW.hash := audit_row_hash(NEW);
  RETURN NEW;
END
$$;
CREATE TRIGGER audit_log_chain BEFORE INSERT ON audit_log FOR EACH ROW EXECUTE FUNCTION chain_audit_row();

CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'audit_log is append-only' USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();

-- down
DROP TABLE audit_log CASCADE;
DROP FUNCTION refuse_audit_change();
DROP FUNCTION chain_audit_row();
