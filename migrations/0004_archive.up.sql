-- The archive: every event once, for as long as it is kept.

create table slipstream.event (
  tenant_id text collate "C" not null,
  occurred_at timestamptz not null,
  event_id uuid not null,
  type text collate "C" not null,
  entity_type text collate "C" not null,
  entity_id text collate "C" not null,
  action text collate "C" not null,
  module text collate "C" not null,
  severity text collate "C" not null,
  category text collate "C" not null,
  visibility text collate "C" not null,
  concerned text collate "C",
  actor_id text collate "C" not null,
  actor_name text,
  entity_name text,
  message text,
  correlation_id text collate "C",
  legacy_entity_type text collate "C",
  has_changes boolean not null,
  shard integer not null,
  epoch bigint not null,
  seq bigint not null,
  payload text not null,
  leaf_hash bytea not null check (octet_length(leaf_hash) = 32),
  archived_at timestamptz not null default now(),
  -- Dedupes for ever, because an event carries its own time.
  constraint event_once primary key (tenant_id, occurred_at, event_id)
) partition by range (occurred_at);

comment on column slipstream.event.payload is 'canonical JSON of the event: the bytes as published';
comment on column slipstream.event.leaf_hash is 'SHA-256 of these bytes; outlives them';
comment on column slipstream.event.concerned is 'the user whom the event concerns: sees it in the classes subject and external';

-- History needs no more than the primary key, read backwards, and this one for the history of one thing.
create index event_entity on slipstream.event (tenant_id, entity_id, occurred_at, event_id);
-- Cold replay.
create index event_position on slipstream.event (tenant_id, shard, epoch, seq);
-- A stream that resumes after an event id. Ids are mostly UUIDv7, so new entries go to the end.
create index event_by_id on slipstream.event (event_id);

alter table slipstream.event enable row level security;
alter table slipstream.event force row level security;
create policy archiver_adds on slipstream.event for insert to slipstream_archiver with check (true);
create policy archiver_counts on slipstream.event for select to slipstream_archiver using (true);
create policy reader on slipstream.event for select to slipstream_reader using (tenant_id = slipstream.current_tenant());
grant insert, select (tenant_id) on slipstream.event to slipstream_archiver;
grant select on slipstream.event to slipstream_reader;

-- One partition per month, made on the way in and a few months ahead. Everything that happened more than 24 months before this installation shares the
-- partition `event_past`: an import that reaches back to 1975 makes no partition of its own. So a new installation has at most 24 + 1 + the months ahead,
-- one more every month, and retention takes whole months away: below the 50 or so at which Postgres begins to suffer from planning and locking them.
-- There is no default partition: making a month would have to search it, under a lock that stops all readers.
do $$
declare
  past_before timestamp := date_trunc('month', now() at time zone 'UTC') - interval '24 months';
begin
  execute format('create table slipstream.event_past partition of slipstream.event for values from (minvalue) to (%L)', to_char(past_before, 'YYYY-MM-DD') || ' 00:00:00+00');
  execute 'alter table slipstream.event_past enable row level security';
  execute 'alter table slipstream.event_past force row level security';
end
$$;

-- The end of `event_past`: the first month that has a partition of its own.
create function slipstream.event_past_before() returns timestamptz
  language sql stable set search_path = pg_catalog, pg_temp
as $$
  select substring(pg_get_expr(c.relpartbound, c.oid) from 'TO \(''([^'']+)''\)')::timestamptz from pg_class c where c.oid = 'slipstream.event_past'::regclass
$$;

-- Makes the partitions of the given months (any day of a month stands for it) that are missing, and returns how many it made.
-- Months of `event_past` need none. Months more than a year ahead get none: an event of such a month is refused, and the archiver puts it aside.
create function slipstream.ensure_event_partitions(months date[]) returns integer
  language plpgsql security definer set search_path = pg_catalog, pg_temp set timezone = 'UTC'
as $$
declare
  month date;
  partition text;
  made integer := 0;
begin
  for month in
    select distinct date_trunc('month', given.day)::date from unnest(months) as given (day)
     where given.day >= slipstream.event_past_before() and given.day < now() + interval '1 year'
     order by 1
  loop
    partition := 'event_' || to_char(month, 'YYYY_MM');
    continue when to_regclass('slipstream.' || partition) is not null;
    -- Only one at a time; whoever waited looks again, with a query: to_regclass may remember its first answer.
    perform pg_advisory_xact_lock(1819045997, 0);
    continue when exists (select from pg_class c where c.relname = partition and c.relnamespace = 'slipstream'::regnamespace);
    -- Attaching a table locks neither readers nor writers of the others; `create table … partition of` would.
    execute format('create table slipstream.%I (like slipstream.event including defaults including constraints)', partition);
    execute format('alter table slipstream.%I enable row level security', partition);
    execute format('alter table slipstream.%I force row level security', partition);
    execute format('alter table slipstream.event attach partition slipstream.%I for values from (%L) to (%L)',
      partition, month::timestamptz, (month + interval '1 month')::timestamptz);
    made := made + 1;
  end loop;
  return made;
end
$$;

-- For how many months after the current one partitions are there, without a gap.
create function slipstream.event_months_ahead() returns integer
  language sql stable set search_path = pg_catalog, pg_temp
as $$
  select (count(*) filter (where there))::integer
    from (
      select bool_and(to_regclass('slipstream.event_' || to_char(date_trunc('month', now() at time zone 'UTC') + make_interval(months => ahead), 'YYYY_MM')) is not null)
               over (order by ahead) as there
        from generate_series(1, 13) as ahead
    ) as months
$$;

revoke all on function slipstream.event_past_before() from public;
revoke all on function slipstream.ensure_event_partitions(date[]) from public;
revoke all on function slipstream.event_months_ahead() from public;
grant execute on function slipstream.ensure_event_partitions(date[]) to slipstream_archiver;
grant execute on function slipstream.event_months_ahead() to slipstream_archiver;

-- How far the archive of each shard is complete. Locking its row fences off a second archiver.
create table slipstream.archive_watermark (
  shard integer primary key check (shard >= 0),
  epoch bigint not null,
  seq bigint not null check (seq >= 0),
  updated_at timestamptz not null default now()
) with (fillfactor = 50);

-- Where each shard's stream ended when the archiver looked last, and since when the archive has been behind an end that it has seen: so whoever reads the archive can tell whether it is late.
create table slipstream.archive_end (
  shard integer primary key check (shard >= 0),
  epoch bigint not null,
  seq bigint not null check (seq >= 0),
  looked_at timestamptz not null,
  behind_since timestamptz
) with (fillfactor = 50);

-- The epochs of each shard's stream that the archive has seen; the current one is not closed.
create table slipstream.stream_epoch (
  shard integer not null,
  epoch bigint not null,
  began_at timestamptz not null default clock_timestamp(),
  began_seq bigint not null check (began_seq >= 0),
  closed_at timestamptz,
  closed_seq bigint,
  reason text not null,
  primary key (shard, epoch)
);

comment on column slipstream.stream_epoch.began_seq is
  'the archive holds the epoch without a hole after this sequence; what lies before is archived under an earlier epoch, or was lost';

-- A number per tenant that changes with its archive, so that an unchanged page of history is known by one look-up.
create table slipstream.tenant_head (
  tenant_id text collate "C" primary key,
  version bigint not null,
  updated_at timestamptz not null default now()
) with (fillfactor = 50);

-- Messages of the log that could not be archived as events, as they came.
create table slipstream.archive_quarantine (
  shard integer not null,
  epoch bigint not null,
  seq bigint not null,
  subject text not null,
  reason text not null,
  payload bytea not null,
  created_at timestamptz not null default now(),
  primary key (shard, epoch, seq)
);

alter table slipstream.tenant_head enable row level security;
alter table slipstream.tenant_head force row level security;
create policy archiver on slipstream.tenant_head to slipstream_archiver using (true) with check (true);
create policy reader on slipstream.tenant_head for select to slipstream_reader using (tenant_id = slipstream.current_tenant());

grant select, insert, update on slipstream.archive_watermark, slipstream.archive_end, slipstream.stream_epoch, slipstream.tenant_head to slipstream_archiver;
grant select, insert on slipstream.archive_quarantine to slipstream_archiver;
grant select on slipstream.archive_watermark, slipstream.archive_end, slipstream.stream_epoch, slipstream.tenant_head to slipstream_reader;
