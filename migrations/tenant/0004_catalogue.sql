-- why: what the company sells, how it is grouped, and which extras can be added to it
-- up
create table categories (
  id uuid primary key default gen_random_uuid(),
  store_id uuid references stores (id) on delete cascade,
  name varchar(120) not null check (name <> ''),
  position integer not null default 0,
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
-- a null store is a global category: its name too is unique.
create unique index categories_store_id_name_key on categories (store_id, lower(name)) nulls not distinct;

create table product_masters (
  id uuid primary key default gen_random_uuid(),
  name varchar(160) not null check (name <> ''),
  brand varchar(80),
  description text check (char_length(description) <= 4000),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table products (
  id uuid primary key default gen_random_uuid(),
  master_id uuid references product_masters (id) on delete restrict,
  category_id uuid references categories (id) on delete set null,
  sku varchar(60) check (sku <> ''),
  barcode varchar(14) check (barcode ~ '^[0-9]{8,14}$'),
  name varchar(160) not null check (name <> ''),
  description text check (char_length(description) <= 4000),
  unit varchar(8) not null default 'un' check (unit <> ''),
  price_cents integer not null check (price_cents >= 0),
  cost_cents integer check (cost_cents >= 0),
  is_active boolean not null default true,
  is_custom boolean not null default false,
  block_sale boolean not null default false,
  availability jsonb not null default '{}' check (jsonb_typeof(availability) = 'object'),
  images jsonb not null default '[]' check (jsonb_typeof(images) = 'array'),
  position integer not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create unique index products_sku_key on products (lower(sku)) where sku is not null;
create index products_barcode_idx on products (barcode) where barcode is not null;
create index products_master_id_idx on products (master_id) where master_id is not null;
create index products_category_id_idx on products (category_id, position);

create table additionals (
  id uuid primary key default gen_random_uuid(),
  name varchar(120) not null check (name <> ''),
  price_cents integer not null check (price_cents >= 0),
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create unique index additionals_name_key on additionals (lower(name));

create table product_additionals (
  product_id uuid not null references products (id) on delete cascade,
  additional_id uuid not null references additionals (id) on delete cascade,
  max_quantity smallint not null default 1 check (max_quantity > 0),
  position integer not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (product_id, additional_id)
);
create index product_additionals_additional_id_idx on product_additionals (additional_id);
-- down
drop table product_additionals;
drop table additionals;
drop table products;
drop table product_masters;
drop table categories;
