-- The activity log. It is a view of the archive: what is kept here is which part of the archive it shows, and nothing of the events themselves.

create table slipstream.activity_settings (
  tenant_id text collate "C" primary key check (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
  enabled boolean not null default true,
  max_days integer not null default 90 check (max_days between 1 and 3650),
  max_entries integer not null default 100000 check (max_entries between 100 and 10000000),
  cleared_seq bigint not null default 0 check (cleared_seq >= 0),
  cleared_event uuid,
  cleared_at timestamptz,
  pruned_seq bigint not null default 0 check (pruned_seq >= 0),
  pruned_at timestamptz,
  prune_due boolean not null default false,
  updated_at timestamptz not null default clock_timestamp(),
  constraint cleared_once check ((cleared_event is null) = (cleared_at is null))
) with (fillfactor = 70);

comment on column slipstream.activity_settings.cleared_seq is 'entries up to this number are not shown';
comment on column slipstream.activity_settings.cleared_event is 'the event of the last clearing: what happened before it and has a smaller number than it is not shown either';
comment on column slipstream.activity_settings.pruned_seq is 'entries up to this number are beyond the limits; it never goes back';

create index activity_settings_due on slipstream.activity_settings (tenant_id) where prune_due;

-- When the log was turned off, and on again. What lies in the log between the events that tell of it, of exactly these times, is not shown; they are.
create table slipstream.activity_silence (
  tenant_id text collate "C" not null check (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
  began_at timestamptz not null,
  ended_at timestamptz check (ended_at >= began_at),
  began_seq bigint,
  ended_seq bigint,
  primary key (tenant_id, began_at)
);

comment on column slipstream.activity_silence.began_seq is 'the number of its event; null until the pruner has noted it';

-- At most one goes on.
create unique index activity_silence_open on slipstream.activity_silence (tenant_id) where ended_at is null;

do $$
declare
  name text;
begin
  foreach name in array array['activity_settings', 'activity_silence'] loop
    execute format('alter table slipstream.%I enable row level security', name);
    execute format('alter table slipstream.%I force row level security', name);
    execute format('create policy account on slipstream.%I to slipstream_api using (tenant_id = slipstream.current_tenant()) with check (tenant_id = slipstream.current_tenant())', name);
  end loop;
end
$$;

create policy reader on slipstream.activity_settings for select to slipstream_reader using (tenant_id = slipstream.current_tenant());
create policy reader on slipstream.activity_silence for select to slipstream_reader using (tenant_id = slipstream.current_tenant());
create policy archiver on slipstream.activity_settings to slipstream_archiver using (true) with check (true);
create policy archiver on slipstream.activity_silence to slipstream_archiver using (true) with check (true);

grant select, insert, update on slipstream.activity_settings, slipstream.activity_silence to slipstream_api;
grant select on slipstream.activity_settings, slipstream.activity_silence to slipstream_reader;
grant select, insert (tenant_id, pruned_seq, pruned_at), update (pruned_seq, pruned_at, prune_due) on slipstream.activity_settings to slipstream_archiver;
grant select (tenant_id, began_at), update (began_seq, ended_seq) on slipstream.activity_silence to slipstream_archiver;

-- Whether an event of the transaction's tenant that was committed is in the log: its row is published, or was long ago.
create policy told on slipstream.outbox for select using (tenant_id = slipstream.current_tenant());
create function slipstream.is_published(of_event uuid) returns boolean
  language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select not exists (select from slipstream.outbox where tenant_id = slipstream.current_tenant() and event_id = of_event and published_at is null)
$$;
revoke all on function slipstream.is_published(uuid) from public;
grant execute on function slipstream.is_published(uuid) to slipstream_api;
