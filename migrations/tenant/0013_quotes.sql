-- why: quotes written by people or drafted by a language model, and a log of what that model was asked and what it cost
-- up
-- Prompts are stored without credentials or headers; the writer removes them.
create table ai_requests (
  id uuid primary key default gen_random_uuid(),
  user_id uuid references users (id) on delete set null,
  conversation_id uuid references conversations (id) on delete set null,
  purpose text not null check (char_length(purpose) between 1 and 60),
  model text not null check (char_length(model) between 1 and 120),
  status text not null default 'pending' check (status in ('pending', 'succeeded', 'failed')),
  prompt text not null check (char_length(prompt) between 1 and 32000),
  response text check (char_length(response) <= 64000),
  prompt_tokens integer check (prompt_tokens >= 0),
  completion_tokens integer check (completion_tokens >= 0),
  latency_ms integer check (latency_ms >= 0),
  error text check (char_length(error) <= 2000),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index ai_requests_created_at_idx on ai_requests (created_at desc);
create index ai_requests_conversation_id_idx on ai_requests (conversation_id) where conversation_id is not null;

create table quotes (
  id uuid primary key default gen_random_uuid(),
  number bigint generated always as identity unique,
  customer_id uuid references customers (id) on delete set null,
  vehicle_id uuid references vehicles (id) on delete set null,
  conversation_id uuid references conversations (id) on delete set null,
  service_order_id uuid references service_orders (id) on delete set null,
  ai_request_id uuid references ai_requests (id) on delete set null,
  created_by uuid references users (id) on delete set null,
  origin text not null default 'person' check (origin in ('person', 'ai')),
  status text not null default 'draft' check (status in ('draft', 'sent', 'accepted', 'rejected', 'expired')),
  title varchar(160) not null check (title <> ''),
  notes text check (char_length(notes) <= 4000),
  subtotal_cents integer not null default 0 check (subtotal_cents >= 0),
  discount_cents integer not null default 0 check (discount_cents >= 0),
  total_cents integer not null generated always as (subtotal_cents - discount_cents) stored check (total_cents >= 0),
  valid_until date,
  sent_at timestamptz,
  answered_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index quotes_status_idx on quotes (status, created_at desc);
create index quotes_customer_id_idx on quotes (customer_id) where customer_id is not null;
create index quotes_vehicle_id_idx on quotes (vehicle_id) where vehicle_id is not null;
create index quotes_conversation_id_idx on quotes (conversation_id) where conversation_id is not null;
create index quotes_service_order_id_idx on quotes (service_order_id) where service_order_id is not null;
create index quotes_ai_request_id_idx on quotes (ai_request_id) where ai_request_id is not null;

create table quote_items (
  id uuid primary key default gen_random_uuid(),
  quote_id uuid not null references quotes (id) on delete cascade,
  kind varchar(8) not null check (kind in ('labor', 'part', 'product', 'other')),
  part_id uuid references parts (id) on delete set null,
  product_id uuid references products (id) on delete set null,
  description varchar(300) not null check (description <> ''),
  quantity numeric(12, 3) not null default 1 check (quantity > 0),
  unit_price_cents integer not null check (unit_price_cents >= 0),
  total_cents integer not null generated always as (round(quantity * unit_price_cents)::integer) stored,
  position smallint not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint quote_items_part_check check (kind = 'part' or part_id is null),
  constraint quote_items_product_check check (kind = 'product' or product_id is null)
);
create index quote_items_quote_id_idx on quote_items (quote_id, position);
create index quote_items_part_id_idx on quote_items (part_id) where part_id is not null;
create index quote_items_product_id_idx on quote_items (product_id) where product_id is not null;
-- down
drop table quote_items;
drop table quotes;
drop table ai_requests;
