-- why: a company sells from one or more stores, each with its own freight prices and its own people
-- up
create table stores (
  id uuid primary key default gen_random_uuid(),
  slug varchar(63) not null unique check (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
  name varchar(120) not null check (name <> ''),
  phone varchar(16) check (phone ~ '^\+[1-9][0-9]{7,14}$'),
  street varchar(160),
  street_number varchar(16),
  complement varchar(80),
  district varchar(80),
  city varchar(80),
  state varchar(2) check (state ~ '^[A-Z]{2}$'),
  cep varchar(8) check (cep ~ '^[0-9]{8}$'),
  latitude numeric(9, 6) check (latitude between -90 and 90),
  longitude numeric(9, 6) check (longitude between -180 and 180),
  opening_hours jsonb,
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint stores_coordinates_check check ((latitude is null) = (longitude is null)),
  -- null means the company's hours; unknown weekdays are typing errors that would read as "closed".
  constraint stores_opening_hours_check check (
    jsonb_typeof(opening_hours) = 'object'
    and opening_hours - '{mon,tue,wed,thu,fri,sat,sun}'::text[] = '{}'::jsonb
  )
);

create table user_group_stores (
  group_id uuid not null references user_groups (id) on delete cascade,
  store_id uuid not null references stores (id) on delete cascade,
  created_at timestamptz not null default now(),
  primary key (group_id, store_id)
);
create index user_group_stores_store_id_idx on user_group_stores (store_id);

-- Ranges are [from_km, to_km). Overlap across rows would need btree_gist to be refused here: the writer
-- replaces a store's tiers as a whole and checks them together.
create table shipping_distance_tiers (
  id uuid primary key default gen_random_uuid(),
  store_id uuid not null references stores (id) on delete cascade,
  from_km numeric(7, 3) not null check (from_km >= 0),
  to_km numeric(7, 3) not null,
  fee_cents integer not null check (fee_cents >= 0),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (store_id, from_km),
  constraint shipping_distance_tiers_range_check check (from_km < to_km)
);

create table shipping_overrides (
  id uuid primary key default gen_random_uuid(),
  store_id uuid references stores (id) on delete cascade,
  cep varchar(8) not null check (cep ~ '^[0-9]{8}$'),
  fee_cents integer check (fee_cents >= 0),
  is_blocked boolean not null default false,
  note varchar(200),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  -- a null store means every store: it too may appear only once per CEP.
  constraint shipping_overrides_store_id_cep_key unique nulls not distinct (store_id, cep),
  constraint shipping_overrides_effect_check check (is_blocked or fee_cents is not null)
);

create table geocode_cache (
  address_key varchar(300) primary key check (address_key <> ''),
  latitude numeric(9, 6) not null check (latitude between -90 and 90),
  longitude numeric(9, 6) not null check (longitude between -180 and 180),
  provider varchar(40) not null,
  expires_at timestamptz not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
-- down
drop table geocode_cache;
drop table shipping_overrides;
drop table shipping_distance_tiers;
drop table user_group_stores;
drop table stores;
