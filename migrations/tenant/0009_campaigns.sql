-- why: discounts by percentage, by coupon or by rule, limited to a period, to stores and to a number of uses
-- up
create table campaigns (
  id uuid primary key default gen_random_uuid(),
  kind text not null check (kind in ('percentage', 'coupon', 'rule')),
  name varchar(120) not null check (name <> ''),
  coupon_code varchar(40) check (coupon_code ~ '^[A-Za-z0-9_-]{3,40}$'),
  percent numeric(5, 2) check (percent > 0 and percent <= 100),
  amount_cents integer check (amount_cents > 0),
  rule jsonb not null default '{}' check (jsonb_typeof(rule) = 'object'),
  min_order_cents integer not null default 0 check (min_order_cents >= 0),
  max_discount_cents integer check (max_discount_cents > 0),
  max_redemptions integer check (max_redemptions > 0),
  max_redemptions_per_customer integer check (max_redemptions_per_customer > 0),
  starts_at timestamptz not null default now(),
  ends_at timestamptz,
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint campaigns_period_check check (starts_at < ends_at),
  constraint campaigns_coupon_code_kind_check check ((kind = 'coupon') = (coupon_code is not null)),
  constraint campaigns_discount_check check (
    case kind
      when 'percentage' then percent is not null and amount_cents is null
      when 'coupon' then (percent is null) <> (amount_cents is null)
      else rule <> '{}'::jsonb
    end
  )
);
create unique index campaigns_coupon_code_key on campaigns (lower(coupon_code)) where coupon_code is not null;
create index campaigns_active_period_idx on campaigns (starts_at, ends_at) where is_active;

-- No row for a campaign means every store.
create table campaign_stores (
  campaign_id uuid not null references campaigns (id) on delete cascade,
  store_id uuid not null references stores (id) on delete cascade,
  created_at timestamptz not null default now(),
  primary key (campaign_id, store_id)
);
create index campaign_stores_store_id_idx on campaign_stores (store_id);

-- restrict: a campaign that was used is switched off, never deleted.
create table campaign_redemptions (
  order_id uuid not null references orders (id) on delete cascade,
  campaign_id uuid not null references campaigns (id) on delete restrict,
  customer_id uuid references customers (id) on delete set null,
  discount_cents integer not null check (discount_cents >= 0),
  created_at timestamptz not null default now(),
  primary key (order_id, campaign_id)
);
create index campaign_redemptions_campaign_id_idx on campaign_redemptions (campaign_id, customer_id);
-- down
drop table campaign_redemptions;
drop table campaign_stores;
drop table campaigns;
