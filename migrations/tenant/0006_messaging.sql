-- why: every conversation of every channel with its messages, in monthly partitions from the first row so that old months leave at once
-- up
create table conversations (
  id uuid primary key default gen_random_uuid(),
  channel text not null check (channel in ('web', 'whatsapp')),
  contact_key text not null check (char_length(contact_key) between 1 and 200),
  customer_id uuid references customers (id) on delete set null,
  contact_name text check (char_length(contact_name) <= 160),
  last_inbound_at timestamptz,
  last_read_at timestamptz,
  status text not null default 'open' check (status in ('open', 'closed')),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (channel, contact_key)
);
create index conversations_last_inbound_at_idx on conversations (last_inbound_at desc);
create index conversations_customer_id_idx on conversations (customer_id) where customer_id is not null;

-- Providers deliver twice, and a unique key over partitions cannot leave created_at out: lock the conversation's
-- row first, then look for provider_message_id, then insert.
create table inbound_messages (
  id uuid not null default gen_random_uuid(),
  conversation_id uuid not null references conversations (id) on delete cascade,
  provider_message_id text check (char_length(provider_message_id) between 1 and 200),
  body text not null check (char_length(body) between 1 and 4000),
  payload jsonb not null default '{}' check (jsonb_typeof(payload) = 'object'),
  created_at timestamptz not null default now(),
  primary key (id, created_at)
) partition by range (created_at);
create index inbound_messages_conversation_id_idx on inbound_messages (conversation_id, created_at);
create index inbound_messages_provider_message_id_idx on inbound_messages (provider_message_id) where provider_message_id is not null;

-- Catches rows of months the platform has not prepared. A month cannot be added while its rows are in here.
create table inbound_messages_default partition of inbound_messages default;

create table outbound_messages (
  id uuid not null default gen_random_uuid(),
  conversation_id uuid not null references conversations (id) on delete cascade,
  in_reply_to uuid,
  body text not null check (char_length(body) between 1 and 4000),
  status text not null default 'queued' check (status in ('queued', 'sent', 'delivered', 'read', 'failed')),
  provider_message_id text check (char_length(provider_message_id) between 1 and 200),
  error text check (char_length(error) <= 2000),
  payload jsonb not null default '{}' check (jsonb_typeof(payload) = 'object'),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (id, created_at)
) partition by range (created_at);
create index outbound_messages_conversation_id_idx on outbound_messages (conversation_id, created_at);
create index outbound_messages_provider_message_id_idx on outbound_messages (provider_message_id) where provider_message_id is not null;
create index outbound_messages_unsent_idx on outbound_messages (status, created_at) where status in ('queued', 'failed');

create table outbound_messages_default partition of outbound_messages default;

-- One reply per inbound message even when its job runs twice: insert here first, in the transaction that queues the reply.
-- No foreign keys: a partition of messages may leave before its row here does.
create table message_replies (
  inbound_message_id uuid primary key,
  outbound_message_id uuid not null,
  created_at timestamptz not null default now()
);

create table push_subscriptions (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references users (id) on delete cascade,
  endpoint text not null unique check (char_length(endpoint) <= 1000 and endpoint ~ '^https://'),
  keys jsonb not null check (
    jsonb_typeof(keys) = 'object' and keys -> 'p256dh' is not null and keys -> 'auth' is not null
  ),
  user_agent text check (char_length(user_agent) <= 512),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index push_subscriptions_user_id_idx on push_subscriptions (user_id);
-- down
drop table push_subscriptions;
drop table message_replies;
drop table outbound_messages_default;
drop table outbound_messages;
drop table inbound_messages_default;
drop table inbound_messages;
drop table conversations;
