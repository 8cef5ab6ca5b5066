-- why: a workshop receives vehicles, works on them under numbered service orders and uses up parts
-- up
create table vehicles (
  id uuid primary key default gen_random_uuid(),
  customer_id uuid not null references customers (id) on delete restrict,
  -- old and Mercosul plates, without the hyphen; null until a new vehicle has one.
  plate varchar(7) unique check (plate ~ '^[A-Z]{3}[0-9][A-Z0-9][0-9]{2}$'),
  vin varchar(17) unique check (vin ~ '^[A-HJ-NPR-Z0-9]{17}$'),
  make varchar(60) not null check (make <> ''),
  model varchar(80) not null check (model <> ''),
  year smallint check (year between 1900 and 2100),
  color varchar(40),
  odometer_km integer check (odometer_km >= 0),
  notes varchar(200),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index vehicles_customer_id_idx on vehicles (customer_id);

create table parts (
  id uuid primary key default gen_random_uuid(),
  sku varchar(60) check (sku <> ''),
  name varchar(160) not null check (name <> ''),
  brand varchar(80),
  unit varchar(8) not null default 'un' check (unit <> ''),
  location varchar(60),
  quantity numeric(12, 3) not null default 0 check (quantity >= 0),
  min_quantity numeric(12, 3) not null default 0 check (min_quantity >= 0),
  cost_cents integer not null default 0 check (cost_cents >= 0),
  price_cents integer not null check (price_cents >= 0),
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create unique index parts_sku_key on parts (lower(sku)) where sku is not null;

create table service_orders (
  id uuid primary key default gen_random_uuid(),
  number bigint generated always as identity unique,
  customer_id uuid not null references customers (id) on delete restrict,
  vehicle_id uuid not null references vehicles (id) on delete restrict,
  store_id uuid references stores (id) on delete restrict,
  employee_id uuid references employees (id) on delete set null,
  status text not null default 'open' check (status in (
    'open', 'diagnosing', 'awaiting_approval', 'approved', 'in_progress', 'awaiting_parts', 'done', 'delivered', 'cancelled')),
  complaint text not null check (char_length(complaint) between 1 and 4000),
  diagnosis text check (char_length(diagnosis) <= 4000),
  odometer_km integer check (odometer_km >= 0),
  labor_cents integer not null default 0 check (labor_cents >= 0),
  parts_cents integer not null default 0 check (parts_cents >= 0),
  discount_cents integer not null default 0 check (discount_cents >= 0),
  total_cents integer not null generated always as (labor_cents + parts_cents - discount_cents) stored check (total_cents >= 0),
  promised_at timestamptz,
  approved_at timestamptz,
  closed_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint service_orders_closed_at_check check ((status in ('delivered', 'cancelled')) = (closed_at is not null))
);
create index service_orders_status_idx on service_orders (status, created_at desc);
create index service_orders_customer_id_idx on service_orders (customer_id, created_at desc);
create index service_orders_vehicle_id_idx on service_orders (vehicle_id, created_at desc);
create index service_orders_store_id_idx on service_orders (store_id) where store_id is not null;
create index service_orders_employee_id_idx on service_orders (employee_id) where employee_id is not null;

create table service_order_items (
  id uuid primary key default gen_random_uuid(),
  service_order_id uuid not null references service_orders (id) on delete cascade,
  kind varchar(8) not null check (kind in ('labor', 'part')),
  part_id uuid references parts (id) on delete set null,
  employee_id uuid references employees (id) on delete set null,
  description varchar(300) not null check (description <> ''),
  quantity numeric(12, 3) not null default 1 check (quantity > 0),
  unit_price_cents integer not null check (unit_price_cents >= 0),
  total_cents integer not null generated always as (round(quantity * unit_price_cents)::integer) stored,
  position smallint not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint service_order_items_part_check check (kind = 'part' or part_id is null)
);
create index service_order_items_service_order_id_idx on service_order_items (service_order_id);
create index service_order_items_part_id_idx on service_order_items (part_id) where part_id is not null;

create table part_movements (
  id uuid primary key default gen_random_uuid(),
  part_id uuid not null references parts (id) on delete restrict,
  service_order_id uuid references service_orders (id) on delete set null,
  user_id uuid references users (id) on delete set null,
  kind varchar(16) not null check (kind in ('purchase', 'use', 'return', 'adjustment', 'loss')),
  quantity numeric(12, 3) not null,
  unit_cost_cents integer check (unit_cost_cents >= 0),
  reason varchar(200),
  created_at timestamptz not null default now(),
  constraint part_movements_sign_check check (
    case
      when kind in ('purchase', 'return') then quantity > 0
      when kind in ('use', 'loss') then quantity < 0
      else quantity <> 0
    end
  )
);
create index part_movements_part_id_idx on part_movements (part_id, created_at desc);
create index part_movements_service_order_id_idx on part_movements (service_order_id) where service_order_id is not null;
-- down
drop table part_movements;
drop table service_order_items;
drop table service_orders;
drop table parts;
drop table vehicles;
