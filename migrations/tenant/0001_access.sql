-- why: people of the company sign in, hold sessions that can be revoked one by one, and see what their group allows
-- up
-- House rule: a table whose columns are all bounded (varchar(n), never text or jsonb) gets no toast table,
-- which is two relations less to create for every tenant.
create table user_groups (
  id uuid primary key default gen_random_uuid(),
  name varchar(80) not null check (name <> ''),
  permissions jsonb not null default '[]' check (jsonb_typeof(permissions) = 'array'),
  store_scope text not null default 'all' check (store_scope in ('all', 'selected')),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create unique index user_groups_name_key on user_groups (lower(name));

create table users (
  id uuid primary key default gen_random_uuid(),
  email text not null check (char_length(email) <= 254 and email ~ '^[^@[:space:]]+@[^@[:space:]]+$'),
  name text not null check (char_length(name) between 1 and 160),
  password_hash text check (char_length(password_hash) <= 255),
  role text not null default 'member' check (role in ('owner', 'admin', 'member')),
  group_id uuid references user_groups (id) on delete set null,
  is_active boolean not null default true,
  last_login_at timestamptz,
  metadata jsonb not null default '{}' check (jsonb_typeof(metadata) = 'object'),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create unique index users_email_key on users (lower(email));
create index users_group_id_idx on users (group_id);

create table user_sessions (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references users (id) on delete cascade,
  kind text not null check (kind in ('initial', 'login')),
  refresh_token_hash text unique check (char_length(refresh_token_hash) <= 255),
  user_agent text check (char_length(user_agent) <= 512),
  ip inet,
  expires_at timestamptz not null,
  revoked_at timestamptz,
  last_used_at timestamptz,
  created_at timestamptz not null default now()
);
create index user_sessions_user_id_idx on user_sessions (user_id);

create table one_time_tokens (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references users (id) on delete cascade,
  purpose text not null check (purpose in ('setup', 'password_reset')),
  token_hash text not null unique check (char_length(token_hash) between 1 and 255),
  expires_at timestamptz not null,
  used_at timestamptz,
  created_at timestamptz not null default now()
);
create index one_time_tokens_user_id_idx on one_time_tokens (user_id);
-- down
drop table one_time_tokens;
drop table user_sessions;
drop table users;
drop table user_groups;
