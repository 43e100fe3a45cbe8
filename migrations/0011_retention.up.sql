-- Retention of the archive: which events a tenant keeps and for how long, what was removed, and how it is removed.

-- slipstream_retention  removes events of one tenant, one transaction at a time, and tells of it; it cannot read what an event says
do $$
declare
  needed text := case when current_setting('server_version_num')::integer >= 160000 then 'set' else 'member' end;
begin
  begin
    if not exists (select from pg_catalog.pg_roles where rolname = 'slipstream_retention') then
      create role slipstream_retention nologin;
    end if;
  exception
    when duplicate_object or unique_violation then null;
  end;
  begin
    if not pg_catalog.pg_has_role(current_user, 'slipstream_retention', needed) then
      grant slipstream_retention to current_user;
    end if;
  exception
    when unique_violation then null;
  end;
exception
  when insufficient_privilege then
    raise exception '% may neither make nor join the role slipstream_retention', current_user
      using errcode = 'insufficient_privilege',
            hint = format('as a superuser: create role slipstream_retention nologin; grant slipstream_retention to %I', current_user);
end
$$;

grant usage on schema slipstream to slipstream_retention;

create table slipstream.retention_rule (
  tenant_id text collate "C" not null check (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
  category text collate "C" not null check (category in ('auth', 'device', 'entity', 'capture', 'system', '*')),
  enabled boolean not null,
  max_days integer check (max_days between 1 and 36500),
  max_entries bigint check (max_entries >= 1),
  primary key (tenant_id, category),
  constraint retention_rule_limit check (not enabled or max_days is not null or max_entries is not null)
);

comment on column slipstream.retention_rule.category is 'a star: all categories without a rule of their own, together';
comment on column slipstream.retention_rule.enabled is 'false: nothing of these categories is removed, whatever else says so';

-- Where retention stands with a tenant. Who has locked its row works on the tenant.
create table slipstream.retention_state (
  tenant_id text collate "C" primary key check (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
  due_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  progress jsonb not null default '{}'
) with (fillfactor = 50);

comment on column slipstream.retention_state.due_at is 'when the next run may begin; one that has begun goes on';
comment on column slipstream.retention_state.progress is 'through where rules were applied, and the run that goes on';
create index retention_state_due on slipstream.retention_state (due_at);

-- The last runs of each tenant.
create table slipstream.retention_run (
  tenant_id text collate "C" not null,
  began_at timestamptz not null,
  ended_at timestamptz not null default clock_timestamp(),
  removed bigint not null check (removed >= 0),
  held bigint not null check (held >= 0),
  report jsonb not null,
  primary key (tenant_id, began_at)
);

-- What was removed: by it an event that comes again is known, and a replay knows what it cannot show. It outlives the events. The events of a row happened on one day (UTC), so
-- that few rows are read to find one.
create table slipstream.ledger_removed (
  tenant_id text collate "C" not null,
  start bigint not null check (start > 0),
  shard integer not null,
  epoch bigint not null,
  first_seq bigint not null,
  last_seq bigint not null,
  occurred_from timestamptz not null,
  occurred_to timestamptz not null check (occurred_to >= occurred_from and occurred_to < occurred_from + interval '1 day'),
  removed_at timestamptz not null default now(),
  ids uuid[] not null,
  times timestamptz[] not null,
  numbers bigint[] not null,
  seqs bigint[] not null,
  primary key (tenant_id, start),
  constraint ledger_removed_whole check (
    cardinality(ids) > 0 and cardinality(times) = cardinality(ids) and cardinality(numbers) = cardinality(ids) and cardinality(seqs) = cardinality(ids)
  )
);

comment on column slipstream.ledger_removed.start is 'the least of its numbers';
create index ledger_removed_time on slipstream.ledger_removed (tenant_id, occurred_from, occurred_to);
create index ledger_removed_position on slipstream.ledger_removed (tenant_id, shard, epoch, last_seq);

alter table slipstream.tenant_head
  add column removed bigint not null default 0,
  add column removed_to timestamptz;

comment on column slipstream.tenant_head.removed is 'how many of its events retention removed';
comment on column slipstream.tenant_head.removed_to is 'the latest time of an event that was removed: one that is later was not';

do $$
declare
  name text;
begin
  foreach name in array array['retention_rule', 'retention_state', 'retention_run', 'ledger_removed'] loop
    execute format('alter table slipstream.%I enable row level security', name);
    execute format('alter table slipstream.%I force row level security', name);
  end loop;
  foreach name in array array['retention_rule', 'retention_state', 'retention_run'] loop
    execute format('create policy account on slipstream.%I to slipstream_api using (tenant_id = slipstream.current_tenant()) with check (tenant_id = slipstream.current_tenant())', name);
    execute format('create policy retention on slipstream.%I to slipstream_retention using (true) with check (true)', name);
  end loop;
end
$$;

create policy archiver on slipstream.ledger_removed for select to slipstream_archiver using (true);
create policy reader on slipstream.ledger_removed for select to slipstream_reader using (tenant_id = slipstream.current_tenant());
create policy retention on slipstream.ledger_removed to slipstream_retention
  using (tenant_id = slipstream.current_tenant()) with check (tenant_id = slipstream.current_tenant());
create policy retention_reads on slipstream.event for select to slipstream_retention using (tenant_id = slipstream.current_tenant());
create policy retention_removes on slipstream.event for delete to slipstream_retention using (tenant_id = slipstream.current_tenant());
create policy retention on slipstream.ledger_batch for select to slipstream_retention using (tenant_id = slipstream.current_tenant());
create policy retention on slipstream.activity_settings for select to slipstream_retention using (tenant_id = slipstream.current_tenant());
create policy retention on slipstream.tenant_head to slipstream_retention using (true) with check (true);

grant select, insert, delete on slipstream.retention_rule to slipstream_api;
grant select, insert (tenant_id, due_at), update (due_at) on slipstream.retention_state to slipstream_api;
grant select on slipstream.retention_run to slipstream_api;
grant select on slipstream.ledger_removed to slipstream_archiver, slipstream_reader;

grant select on slipstream.retention_rule to slipstream_retention;
grant select, insert, update on slipstream.retention_state to slipstream_retention;
grant select, insert, delete on slipstream.retention_run to slipstream_retention;
grant select, insert on slipstream.ledger_removed to slipstream_retention;
grant select (tenant_id, occurred_at, event_id, tenant_seq, type, category, entity_type, entity_id, actor_id, shard, epoch, seq), delete
  on slipstream.event to slipstream_retention;
grant select (tenant_id, start, size, archived_at) on slipstream.ledger_batch to slipstream_retention;
grant select (tenant_id, enabled, max_days, max_entries, cleared_seq, pruned_seq) on slipstream.activity_settings to slipstream_retention;
grant select, update (version, removed, removed_to, updated_at) on slipstream.tenant_head to slipstream_retention;
grant execute on function slipstream.append(text, uuid[], text[], text[], text) to slipstream_retention;
grant execute on function slipstream.heed_holds(text) to slipstream_retention;
grant execute on function slipstream.open_holds(text) to slipstream_retention;
grant execute on function slipstream.hold_covers(slipstream.legal_hold, text, text, text, text, timestamptz) to slipstream_retention;

-- How many of a tenant's events were archived before a moment. Batches were archived in the order of their numbers, so it is found by halving.
create function slipstream.archived_before(for_tenant text, moment timestamptz) returns bigint
  language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  low bigint := 0;
  high bigint := coalesce((select ledger_size from slipstream.tenant_head where tenant_id = for_tenant), 0);
  middle bigint;
  batch record;
begin
  while low < high loop
    middle := (low + high) / 2;
    select b.start, b.start + b.size as past, b.archived_at into batch
      from slipstream.ledger_batch as b where b.tenant_id = for_tenant and b.start <= middle order by b.start desc limit 1;
    if not found then
      return low;
    elsif batch.archived_at < moment then
      low := greatest(batch.past, middle + 1);
    else
      high := least(batch.start, middle);
    end if;
  end loop;
  return low;
end
$$;

-- Whose events a month's partition holds: at most so many tenants. Steps from tenant to tenant through the primary key.
create function slipstream.event_month_tenants(month date, most integer) returns setof text
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  partition text := 'event_' || to_char(month, 'YYYY_MM');
  tenant text;
begin
  if to_regclass('slipstream.' || partition) is null then
    return;
  end if;
  execute format('select tenant_id from slipstream.%I order by tenant_id limit 1', partition) into tenant;
  while tenant is not null and most > 0 loop
    return next tenant;
    most := most - 1;
    execute format('select tenant_id from slipstream.%I where tenant_id > $1 collate "C" order by tenant_id limit 1', partition) into tenant using tenant;
  end loop;
end
$$;

-- What a month's partition holds, by tenant and category: how many events, the largest number, how many are kept in any case (those that tell of the archive itself),
-- and how many are held. Reads the whole partition.
create function slipstream.event_month(month date)
  returns table (tenant_id text, category text, events bigint, last_number bigint, kept bigint, held bigint)
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if to_regclass('slipstream.event_' || to_char(month, 'YYYY_MM')) is null then
    return;
  end if;
  return query execute format($query$
    select e.tenant_id::text, e.category::text, count(*), max(e.tenant_seq), count(*) filter (where starts_with(e.type, 'archive.')),
           count(*) filter (where exists (
             select from slipstream.legal_hold as hold
              where hold.tenant_id = e.tenant_id and hold.released_at is null
                and slipstream.hold_covers(hold, e.category, e.entity_type, e.entity_id, e.actor_id, e.occurred_at)
           ))
      from slipstream.%I as e
     group by e.tenant_id, e.category
  $query$, 'event_' || to_char(month, 'YYYY_MM'));
end
$$;

-- Takes a month's partition away, but for the events that tell of the archive itself: these stay, in a partition of their own. Of each tenant in it the largest number is
-- given, as it was noted; false, and nothing is done, when there is another tenant, or a larger number. Readers wait from here to the end of the transaction, so it comes late in
-- it; when it waits for them itself longer than lock_timeout, it fails.
create function slipstream.drop_event_month(month date, tenants text[], last_numbers bigint[]) returns boolean
  language plpgsql security definer set search_path = pg_catalog, pg_temp set timezone = 'UTC'
as $$
declare
  partition text := 'event_' || to_char(month, 'YYYY_MM');
  others boolean;
  kept bigint;
begin
  -- The same as who makes partitions.
  perform pg_advisory_xact_lock(1819045997, 0);
  lock table only slipstream.event in access exclusive mode;
  execute format('lock table slipstream.%I in access exclusive mode', partition);
  execute format($query$
    select exists (
      select from slipstream.event_month_tenants($3, cardinality($1) + 1) as present (tenant_id)
        left join unnest($1, $2) as noted (tenant_id, last_number) on noted.tenant_id = present.tenant_id
       where coalesce((select max(e.tenant_seq) from slipstream.%I as e where e.tenant_id = present.tenant_id collate "C") > noted.last_number, true)
    )
  $query$, partition) into others using tenants, last_numbers, month;
  if others then
    return false;
  end if;
  execute format('create table slipstream.event_kept (like slipstream.event including defaults including constraints)');
  execute format('insert into slipstream.event_kept select * from slipstream.%I where starts_with(type, %L)', partition, 'archive.');
  get diagnostics kept = row_count;
  execute format('drop table slipstream.%I', partition);
  if kept > 0 then
    execute format('alter table slipstream.event_kept rename to %I', partition);
    execute format('alter table slipstream.event attach partition slipstream.%I for values from (%L) to (%L)',
      partition, month::timestamptz, (month + interval '1 month')::timestamptz);
    perform slipstream.open_event_partition(to_regclass('slipstream.' || partition));
  else
    drop table slipstream.event_kept;
  end if;
  return true;
end
$$;

do $$
declare
  func regprocedure;
begin
  foreach func in array array[
    'slipstream.archived_before(text, timestamptz)', 'slipstream.event_month_tenants(date, integer)', 'slipstream.event_month(date)',
    'slipstream.drop_event_month(date, text[], bigint[])'
  ]::regprocedure[] loop
    execute format('revoke all on function %s from public', func);
    execute format('grant execute on function %s to slipstream_retention', func);
  end loop;
  grant execute on function slipstream.archived_before(text, timestamptz) to slipstream_reader;
end
$$;

-- What never got a number, between two places of a shard's log (both included): messages that left the broker before they were archived, which were anybody's, and messages of the
-- tenant that are no events. For an auditor to whom "nothing is missing" is said; what the messages hold is not shown. At most 100 are listed.
create function slipstream.archive_losses(for_tenant text, of_shard integer, from_epoch bigint, from_seq bigint, to_epoch bigint, to_seq bigint)
  returns table (epoch bigint, seq bigint, is_hole boolean, reason text)
  language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select q.epoch, q.seq, q.subject = '', case when q.subject = '' then q.reason else 'a message that is no event' end
    from slipstream.archive_quarantine as q
   where q.shard = of_shard and (q.epoch, q.seq) >= (from_epoch, from_seq) and (q.epoch, q.seq) <= (to_epoch, to_seq)
     and (q.subject = '' or split_part(q.subject, '.', 2) = for_tenant)
   order by q.epoch, q.seq
   limit 100
$$;
revoke all on function slipstream.archive_losses(text, integer, bigint, bigint, bigint, bigint) from public;
grant execute on function slipstream.archive_losses(text, integer, bigint, bigint, bigint, bigint) to slipstream_reader;
