-- why: a checkout writes the order, its items, one payment and one delivery together, with prices as they were that day
-- up
-- The set of statuses is fixed because stock and reports depend on it; labels and colours are the company's (operations_config).
create table orders (
  id uuid primary key default gen_random_uuid(),
  number bigint generated always as identity unique,
  customer_id uuid references customers (id) on delete restrict,
  store_id uuid references stores (id) on delete restrict,
  conversation_id uuid references conversations (id) on delete set null,
  created_by uuid references users (id) on delete set null,
  channel text not null default 'panel' check (channel in ('panel', 'web', 'whatsapp', 'counter')),
  status text not null default 'placed'
    check (status in ('draft', 'placed', 'confirmed', 'preparing', 'ready', 'dispatched', 'completed', 'cancelled')),
  subtotal_cents integer not null default 0 check (subtotal_cents >= 0),
  shipping_cents integer not null default 0 check (shipping_cents >= 0),
  discount_cents integer not null default 0 check (discount_cents >= 0),
  total_cents integer not null generated always as (subtotal_cents + shipping_cents - discount_cents) stored check (total_cents >= 0),
  notes text check (char_length(notes) <= 2000),
  metadata jsonb not null default '{}' check (jsonb_typeof(metadata) = 'object'),
  scheduled_for timestamptz,
  completed_at timestamptz,
  cancelled_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint orders_cancelled_at_check check ((status = 'cancelled') = (cancelled_at is not null))
);
create index orders_status_idx on orders (status, created_at desc);
create index orders_created_at_idx on orders (created_at desc);
create index orders_customer_id_idx on orders (customer_id, created_at desc);
create index orders_store_id_idx on orders (store_id, created_at desc);
create index orders_conversation_id_idx on orders (conversation_id) where conversation_id is not null;

create table order_items (
  id uuid primary key default gen_random_uuid(),
  order_id uuid not null references orders (id) on delete cascade,
  product_id uuid references products (id) on delete set null,
  name varchar(160) not null check (name <> ''),
  quantity numeric(12, 3) not null check (quantity > 0),
  unit_price_cents integer not null check (unit_price_cents >= 0),
  -- of one unit: the sum of its rows in order_item_additionals.
  additionals_cents integer not null default 0 check (additionals_cents >= 0),
  total_cents integer not null generated always as (round(quantity * (unit_price_cents + additionals_cents))::integer) stored,
  notes varchar(240),
  position smallint not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index order_items_order_id_idx on order_items (order_id);
create index order_items_product_id_idx on order_items (product_id) where product_id is not null;

create table order_item_additionals (
  id uuid primary key default gen_random_uuid(),
  order_item_id uuid not null references order_items (id) on delete cascade,
  additional_id uuid references additionals (id) on delete set null,
  name varchar(120) not null check (name <> ''),
  quantity smallint not null default 1 check (quantity > 0),
  unit_price_cents integer not null check (unit_price_cents >= 0),
  created_at timestamptz not null default now(),
  unique (order_item_id, additional_id)
);

-- restrict: an order with a payment is cancelled, never deleted.
create table payments (
  id uuid primary key default gen_random_uuid(),
  order_id uuid not null unique references orders (id) on delete restrict,
  method text not null check (method in ('pix', 'cash', 'credit_card', 'debit_card', 'bank_slip', 'on_account')),
  status text not null default 'pending' check (status in ('pending', 'authorized', 'paid', 'failed', 'refunded', 'cancelled')),
  amount_cents integer not null check (amount_cents >= 0),
  change_for_cents integer check (change_for_cents >= 0),
  provider text check (char_length(provider) <= 40),
  provider_reference text check (char_length(provider_reference) between 1 and 200),
  pix_code text check (char_length(pix_code) <= 1000),
  details jsonb not null default '{}' check (jsonb_typeof(details) = 'object'),
  paid_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (provider, provider_reference),
  constraint payments_paid_at_check check (status not in ('paid', 'refunded') or paid_at is not null)
);
create index payments_status_idx on payments (status, created_at desc);

create table deliveries (
  id uuid primary key default gen_random_uuid(),
  order_id uuid not null unique references orders (id) on delete cascade,
  method text not null check (method in ('delivery', 'pickup')),
  status text not null default 'pending'
    check (status in ('pending', 'assigned', 'dispatched', 'delivered', 'returned', 'cancelled')),
  -- a copy: the customer may change or delete the address later.
  address jsonb check (jsonb_typeof(address) = 'object'),
  distance_km numeric(7, 3) check (distance_km >= 0),
  fee_cents integer not null default 0 check (fee_cents >= 0),
  courier_name text check (char_length(courier_name) between 1 and 160),
  dispatched_at timestamptz,
  delivered_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint deliveries_destination_check check (method = 'pickup' or address is not null)
);
create index deliveries_status_idx on deliveries (status, created_at desc);

create table order_events (
  id uuid primary key default gen_random_uuid(),
  order_id uuid not null references orders (id) on delete cascade,
  user_id uuid references users (id) on delete set null,
  event text not null check (char_length(event) between 1 and 60),
  from_status text check (char_length(from_status) <= 20),
  to_status text check (char_length(to_status) <= 20),
  data jsonb not null default '{}' check (jsonb_typeof(data) = 'object'),
  created_at timestamptz not null default now()
);
create index order_events_order_id_idx on order_events (order_id, created_at);
-- down
drop table order_events;
drop table deliveries;
drop table payments;
drop table order_item_additionals;
drop table order_items;
drop table orders;
