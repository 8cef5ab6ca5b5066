-- why: the platform's people look into a company for a quarter of an hour as nobody of the company, and it sees who and why
-- up
alter table user_sessions
  alter column user_id drop not null,
  add column impersonated_by text check (char_length(impersonated_by) between 1 and 254),
  add column reason text check (char_length(reason) between 1 and 500),
  drop constraint user_sessions_kind_check,
  add constraint user_sessions_kind_check check (kind in ('initial', 'login', 'impersonation')),
  -- Either a person of the company, or somebody named with a reason; never both, never neither.
  add constraint user_sessions_person_check check (
    case kind
      when 'impersonation' then
        user_id is null and impersonated_by is not null and reason is not null and refresh_token_hash is null
      else user_id is not null and impersonated_by is null and reason is null
    end
  );
create index user_sessions_impersonation_idx on user_sessions (created_at) where kind = 'impersonation';
-- down
drop index user_sessions_impersonation_idx;
delete from user_sessions where kind = 'impersonation';
alter table user_sessions
  drop constraint user_sessions_person_check,
  drop constraint user_sessions_kind_check,
  add constraint user_sessions_kind_check check (kind in ('initial', 'login')),
  drop column reason,
  drop column impersonated_by,
  alter column user_id set not null;
