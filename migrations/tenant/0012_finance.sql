-- why: what is owed to the company, what it owes, and the money that really moved through its accounts
-- up
-- Amounts here are bigint, which node-pg hands over as strings.
create table accounts (
  id uuid primary key default gen_random_uuid(),
  name varchar(120) not null check (name <> ''),
  kind varchar(8) not null check (kind in ('cash', 'bank', 'card', 'wallet')),
  -- may be negative: an overdraft.
  opening_balance_cents bigint not null default 0,
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create unique index accounts_name_key on accounts (lower(name));

create table receivables (
  id uuid primary key default gen_random_uuid(),
  customer_id uuid references customers (id) on delete restrict,
  order_id uuid references orders (id) on delete restrict,
  service_order_id uuid references service_orders (id) on delete restrict,
  description varchar(200) not null check (description <> ''),
  installment smallint not null default 1 check (installment > 0),
  installments smallint not null default 1 check (installments > 0),
  amount_cents bigint not null check (amount_cents > 0),
  due_on date not null,
  status varchar(10) not null default 'open' check (status in ('open', 'received', 'cancelled')),
  received_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint receivables_origin_check check (order_id is null or service_order_id is null),
  constraint receivables_installments_order_check check (installment <= installments),
  constraint receivables_received_at_check check ((status = 'received') = (received_at is not null))
);
-- billing the same order twice is refused, but a cancelled instalment may be issued again.
create unique index receivables_order_id_key on receivables (order_id, installment) where order_id is not null and status <> 'cancelled';
create unique index receivables_service_order_id_key on receivables (service_order_id, installment)
  where service_order_id is not null and status <> 'cancelled';
create index receivables_status_idx on receivables (status, due_on);
create index receivables_customer_id_idx on receivables (customer_id) where customer_id is not null;

create table payables (
  id uuid primary key default gen_random_uuid(),
  employee_id uuid references employees (id) on delete set null,
  supplier_name varchar(160),
  category varchar(60),
  description varchar(200) not null check (description <> ''),
  amount_cents bigint not null check (amount_cents > 0),
  due_on date not null,
  status varchar(10) not null default 'open' check (status in ('open', 'paid', 'cancelled')),
  paid_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint payables_paid_at_check check ((status = 'paid') = (paid_at is not null))
);
create index payables_status_idx on payables (status, due_on);
create index payables_employee_id_idx on payables (employee_id) where employee_id is not null;

-- restrict all around: the cash book keeps its reasons.
create table cash_flow_entries (
  id uuid primary key default gen_random_uuid(),
  account_id uuid not null references accounts (id) on delete restrict,
  receivable_id uuid references receivables (id) on delete restrict,
  payable_id uuid references payables (id) on delete restrict,
  user_id uuid references users (id) on delete set null,
  direction varchar(3) not null check (direction in ('in', 'out')),
  amount_cents bigint not null check (amount_cents > 0),
  occurred_on date not null default current_date,
  category varchar(60),
  description varchar(200) not null check (description <> ''),
  created_at timestamptz not null default now(),
  constraint cash_flow_entries_origin_check check (receivable_id is null or payable_id is null)
);
create index cash_flow_entries_account_id_idx on cash_flow_entries (account_id, occurred_on desc);
create index cash_flow_entries_occurred_on_idx on cash_flow_entries (occurred_on desc);
create index cash_flow_entries_receivable_id_idx on cash_flow_entries (receivable_id) where receivable_id is not null;
create index cash_flow_entries_payable_id_idx on cash_flow_entries (payable_id) where payable_id is not null;
-- down
drop table cash_flow_entries;
drop table payables;
drop table receivables;
drop table accounts;
