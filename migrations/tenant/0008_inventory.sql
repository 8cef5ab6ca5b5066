-- why: how much of each product each store has, never below zero, and every movement that made it so
-- up
create table store_inventory (
  store_id uuid not null references stores (id) on delete cascade,
  product_id uuid not null references products (id) on delete cascade,
  quantity numeric(12, 3) not null default 0 check (quantity >= 0),
  min_quantity numeric(12, 3) not null default 0 check (min_quantity >= 0),
  -- null means the product's own price.
  price_cents integer check (price_cents >= 0),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (store_id, product_id)
);
create index store_inventory_product_id_idx on store_inventory (product_id);

-- restrict: what has moved is deactivated, never deleted.
create table inventory_movements (
  id uuid primary key default gen_random_uuid(),
  store_id uuid not null references stores (id) on delete restrict,
  product_id uuid not null references products (id) on delete restrict,
  order_id uuid references orders (id) on delete set null,
  user_id uuid references users (id) on delete set null,
  kind varchar(16) not null
    check (kind in ('purchase', 'sale', 'return', 'adjustment', 'transfer_in', 'transfer_out', 'loss')),
  quantity numeric(12, 3) not null,
  unit_cost_cents integer check (unit_cost_cents >= 0),
  reason varchar(200),
  created_at timestamptz not null default now(),
  constraint inventory_movements_sign_check check (
    case
      when kind in ('purchase', 'return', 'transfer_in') then quantity > 0
      when kind in ('sale', 'transfer_out', 'loss') then quantity < 0
      else quantity <> 0
    end
  )
);
create index inventory_movements_product_id_idx on inventory_movements (product_id, store_id, created_at desc);
create index inventory_movements_store_id_idx on inventory_movements (store_id, created_at desc);
create index inventory_movements_order_id_idx on inventory_movements (order_id) where order_id is not null;
-- down
drop table inventory_movements;
drop table store_inventory;
