-- why: how the company operates is data it edits itself, structured and checked instead of JSON kept in text
-- up
-- One row at most: the key can only be true. No row means every default below.
create table operations_config (
  id boolean primary key default true check (id),
  timezone varchar(64) not null default 'America/Sao_Paulo' check (timezone <> ''),
  messaging jsonb not null default '{}' check (jsonb_typeof(messaging) = 'object'),
  pix jsonb not null default '{}',
  order_statuses jsonb not null default '[]',
  opening_hours jsonb not null default '{}',
  shipping jsonb not null default '{"method": "distance"}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  -- coalesce: a missing key makes the comparison null, and a CHECK lets null through.
  constraint operations_config_pix_check check (
    jsonb_typeof(pix) = 'object'
    and (pix = '{}'::jsonb or coalesce(
      pix ->> 'key_type' in ('cpf', 'cnpj', 'email', 'phone', 'random')
      and char_length(pix ->> 'key') between 1 and 77, false))
  ),
  -- [{status, label, color}]. jsonpath asks whether ANY colour is wrong, so the pattern is the complement of #rrggbb.
  -- Written without a filter: its question mark would be a bind placeholder to knex.raw.
  constraint operations_config_order_statuses_check check (
    jsonb_typeof(order_statuses) = 'array'
    and not coalesce(jsonb_path_match(order_statuses,
      '$[*].color.type() != "string" || $[*].color like_regex "^[^#]|^.{0,6}$|^.{8}|^.+[^0-9a-f]"'), false)
  ),
  constraint operations_config_opening_hours_check check (
    jsonb_typeof(opening_hours) = 'object'
    and opening_hours - '{mon,tue,wed,thu,fri,sat,sun}'::text[] = '{}'::jsonb
  ),
  constraint operations_config_shipping_check check (
    jsonb_typeof(shipping) = 'object'
    and coalesce(shipping ->> 'method' in ('distance', 'flat', 'cep', 'pickup_only'), false)
  )
);

create table blocked_days (
  id uuid primary key default gen_random_uuid(),
  store_id uuid references stores (id) on delete cascade,
  day date not null,
  reason varchar(200),
  created_at timestamptz not null default now(),
  -- a null store closes all of them, once.
  constraint blocked_days_store_id_day_key unique nulls not distinct (store_id, day)
);
-- down
drop table blocked_days;
drop table operations_config;
