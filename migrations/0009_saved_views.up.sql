-- What readers keep for themselves and for each other: views of history. And what history's searches and writes need beside the events.

create table slipstream.saved_view (
  tenant_id text collate "C" not null,
  id uuid not null default gen_random_uuid(),
  owner_id text collate "C" not null,
  name varchar(100) not null,
  query text not null,
  shared boolean not null,
  version bigint not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, id)
);

comment on table slipstream.saved_view is 'named queries of history: of one user, or shared with the tenant';
comment on column slipstream.saved_view.query is 'parameters of history, as a JSON object';
create index saved_view_owner on slipstream.saved_view (tenant_id, owner_id);

-- Requests that their callers may repeat under a key: the answer is kept for a day and given again.
create table slipstream.request_key (
  tenant_id text collate "C" not null,
  key text collate "C" not null,
  request_hash bytea not null,
  answer text not null,
  created_at timestamptz not null default now(),
  primary key (tenant_id, key)
);
create index request_key_created_at on slipstream.request_key (tenant_id, created_at);

alter table slipstream.saved_view enable row level security;
alter table slipstream.saved_view force row level security;
alter table slipstream.request_key enable row level security;
alter table slipstream.request_key force row level security;
create policy account on slipstream.saved_view to slipstream_api
  using (tenant_id = slipstream.current_tenant()) with check (tenant_id = slipstream.current_tenant());
create policy account on slipstream.request_key to slipstream_api
  using (tenant_id = slipstream.current_tenant()) with check (tenant_id = slipstream.current_tenant());
grant select, insert, update, delete on slipstream.saved_view to slipstream_api;
grant select, insert, delete on slipstream.request_key to slipstream_api;

-- Searches take batches by the time of their newest event.
create index ledger_batch_occurred on slipstream.ledger_batch (tenant_id, occurred_to, start, occurred_from);
