-- The outbox: events that were committed with the change that they tell of, in the order of commits within a tenant.

create table slipstream.outbox (
  id bigint generated always as identity primary key,
  tenant_id text collate "C" not null check (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
  event_id uuid not null,
  type text collate "C" not null check (type ~ '^[a-z0-9_]+(\.[a-z0-9_]+){2,4}$' and length(type) <= 200),
  payload text not null check (octet_length(payload) <= 65536),
  traceparent text,
  created_at timestamptz not null default clock_timestamp(),
  attempts integer not null default 0,
  last_error text,
  set_aside_at timestamptz,
  published_at timestamptz,
  shard integer,
  epoch bigint,
  seq bigint,
  constraint outbox_event unique (tenant_id, event_id),
  constraint outbox_position check ((published_at is null) or (shard is not null and epoch is not null and seq is not null))
)
-- Every row is inserted, updated once or twice and deleted within the hour: room for the updates, and vacuum early.
with (fillfactor = 70, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0.01, autovacuum_analyze_scale_factor = 0.05);

comment on column slipstream.outbox.payload is 'canonical JSON of the event: the bytes that are published';
comment on column slipstream.outbox.set_aside_at is 'when the relay gave up on this row; last_error says why';

create index outbox_pending on slipstream.outbox (id) where published_at is null and set_aside_at is null;
create index outbox_set_aside on slipstream.outbox (id) where set_aside_at is not null;

alter table slipstream.outbox enable row level security;
alter table slipstream.outbox force row level security;

-- Nobody holds the right to insert: rows come in through slipstream.append, which runs as the owner, who is bound by this policy too.
create policy append on slipstream.outbox for insert with check (tenant_id = slipstream.current_tenant());
create policy relay on slipstream.outbox to slipstream_relay using (true) with check (true);

grant select, delete on slipstream.outbox to slipstream_relay;
grant update (attempts, last_error, set_aside_at, published_at, shard, epoch, seq) on slipstream.outbox to slipstream_relay;

-- Appends events of the transaction's tenant, in the order given. The lock makes writers of one tenant wait for each other from here to the end of
-- their transactions, so that ids rise in the order of commits: call it as the last step. It is released after the commit is visible.
create function slipstream.append(for_tenant text, event_ids uuid[], types text[], payloads text[], trace text default null) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if for_tenant is distinct from slipstream.current_tenant() then
    raise exception 'the transaction belongs to another tenant, or to none' using errcode = 'insufficient_privilege';
  end if;
  perform pg_advisory_xact_lock(1819045996, hashtext(for_tenant));
  insert into slipstream.outbox (tenant_id, event_id, type, payload, traceparent)
  select for_tenant, given.event_id, given.type, given.payload, trace
    from unnest(event_ids, types, payloads) with ordinality as given (event_id, type, payload, place)
   order by given.place;
end
$$;

revoke all on function slipstream.append(text, uuid[], text[], text[], text) from public;
grant execute on function slipstream.append(text, uuid[], text[], text[], text) to slipstream_api, slipstream_platform;
