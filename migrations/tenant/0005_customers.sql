-- why: who buys, found by one normalised phone number, and where they receive
-- up
create table customers (
  id uuid primary key default gen_random_uuid(),
  name text not null check (char_length(name) between 1 and 160),
  phone text unique check (phone ~ '^\+[1-9][0-9]{7,14}$'),
  email text check (char_length(email) <= 254 and email ~ '^[^@[:space:]]+@[^@[:space:]]+$'),
  document text check (document ~ '^([0-9]{11}|[0-9]{14})$'),
  notes text check (char_length(notes) <= 4000),
  metadata jsonb not null default '{}' check (jsonb_typeof(metadata) = 'object'),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index customers_name_idx on customers (lower(name));
create index customers_email_idx on customers (lower(email)) where email is not null;
create index customers_document_idx on customers (document) where document is not null;

create table customer_addresses (
  id uuid primary key default gen_random_uuid(),
  customer_id uuid not null references customers (id) on delete cascade,
  label varchar(40),
  street varchar(160) not null check (street <> ''),
  street_number varchar(16),
  complement varchar(80),
  district varchar(80),
  city varchar(80) not null check (city <> ''),
  state varchar(2) not null check (state ~ '^[A-Z]{2}$'),
  cep varchar(8) check (cep ~ '^[0-9]{8}$'),
  latitude numeric(9, 6) check (latitude between -90 and 90),
  longitude numeric(9, 6) check (longitude between -180 and 180),
  is_default boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint customer_addresses_coordinates_check check ((latitude is null) = (longitude is null))
);
create index customer_addresses_customer_id_idx on customer_addresses (customer_id);
create unique index customer_addresses_default_key on customer_addresses (customer_id) where is_default;
-- down
drop table customer_addresses;
drop table customers;
