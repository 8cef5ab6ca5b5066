-- why: what a plan allows holds for its companies within a second, also when the plan itself is changed
-- up
CREATE FUNCTION notify_plan_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('secretaria_registry', company_id::text) FROM public.subscriptions WHERE plan_id = NEW.id;
  RETURN NULL;
END
$$;
CREATE TRIGGER plans_notify AFTER UPDATE ON plans
  FOR EACH ROW WHEN (OLD IS DISTINCT FROM NEW) EXECUTE FUNCTION notify_plan_change();

-- down
DROP TRIGGER plans_notify ON plans;
DROP FUNCTION notify_plan_change();
