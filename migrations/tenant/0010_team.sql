-- why: who works here, and the people they are winning as customers
-- up
create table employees (
  id uuid primary key default gen_random_uuid(),
  user_id uuid unique references users (id) on delete set null,
  store_id uuid references stores (id) on delete set null,
  name varchar(160) not null check (name <> ''),
  job_title varchar(80),
  phone varchar(16) check (phone ~ '^\+[1-9][0-9]{7,14}$'),
  document varchar(11) unique check (document ~ '^[0-9]{11}$'),
  commission_percent numeric(5, 2) not null default 0 check (commission_percent between 0 and 100),
  hourly_cost_cents integer check (hourly_cost_cents >= 0),
  hired_on date,
  dismissed_on date,
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint employees_employment_check check (hired_on <= dismissed_on)
);
create index employees_store_id_idx on employees (store_id) where store_id is not null;

create table crm_stages (
  id uuid primary key default gen_random_uuid(),
  name varchar(80) not null check (name <> ''),
  position integer not null default 0,
  color varchar(7) check (color ~ '^#[0-9a-f]{6}$'),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create unique index crm_stages_name_key on crm_stages (lower(name));

create table crm_leads (
  id uuid primary key default gen_random_uuid(),
  stage_id uuid not null references crm_stages (id) on delete restrict,
  customer_id uuid references customers (id) on delete set null,
  employee_id uuid references employees (id) on delete set null,
  conversation_id uuid references conversations (id) on delete set null,
  name varchar(160) not null check (name <> ''),
  phone varchar(16) check (phone ~ '^\+[1-9][0-9]{7,14}$'),
  email varchar(254) check (email ~ '^[^@[:space:]]+@[^@[:space:]]+$'),
  source varchar(60),
  status text not null default 'open' check (status in ('open', 'won', 'lost')),
  value_cents integer not null default 0 check (value_cents >= 0),
  lost_reason varchar(200),
  notes text check (char_length(notes) <= 4000),
  closed_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint crm_leads_closed_at_check check ((status = 'open') = (closed_at is null))
);
create index crm_leads_stage_id_idx on crm_leads (stage_id, status, created_at desc);
create index crm_leads_customer_id_idx on crm_leads (customer_id) where customer_id is not null;
create index crm_leads_employee_id_idx on crm_leads (employee_id, status) where employee_id is not null;
create index crm_leads_conversation_id_idx on crm_leads (conversation_id) where conversation_id is not null;

create table crm_activities (
  id uuid primary key default gen_random_uuid(),
  lead_id uuid not null references crm_leads (id) on delete cascade,
  employee_id uuid references employees (id) on delete set null,
  kind text not null check (kind in ('note', 'call', 'message', 'visit', 'meeting', 'task')),
  body text not null check (char_length(body) between 1 and 4000),
  due_at timestamptz,
  done_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index crm_activities_lead_id_idx on crm_activities (lead_id, created_at);
create index crm_activities_due_at_idx on crm_activities (due_at) where done_at is null and due_at is not null;
-- down
drop table crm_activities;
drop table crm_leads;
drop table crm_stages;
drop table employees;
