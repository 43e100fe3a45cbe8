-- Analytics: counts of what the archive holds, so that a chart costs what its buckets cost, and not its events.
--
-- Every tenant's events bear numbers without holes. What is counted here are the numbers 1 to `folded_size`; a query reads the rest from the events. So nothing is counted twice or left
-- out, however often the counting is killed, and archiving does not wait for it.

create table slipstream.analytics_head (
  tenant_id text collate "C" primary key,
  folded_size bigint not null default 0 check (folded_size >= 0),
  folded_at timestamptz not null default clock_timestamp()
) with (fillfactor = 50);

comment on table slipstream.analytics_head is 'whoever changes the counts of a tenant locks its row first';
comment on column slipstream.analytics_head.folded_size is 'the events with numbers up to this are counted';

-- By the hour of UTC, and within it by quarters, because some zones are not whole hours away from UTC.
create table slipstream.analytics_hour (
  tenant_id text collate "C" not null,
  hour timestamptz not null,
  hash bytea not null,
  type text collate "C" not null,
  category text collate "C" not null,
  severity text collate "C" not null,
  visibility text collate "C" not null,
  concerned text collate "C",
  q0 bigint not null check (q0 >= 0),
  q1 bigint not null check (q1 >= 0),
  q2 bigint not null check (q2 >= 0),
  q3 bigint not null check (q3 >= 0),
  primary key (tenant_id, hour, hash)
) with (fillfactor = 80);

comment on column slipstream.analytics_hour.hash is 'of the texts of the key, which may be longer than an index takes';
comment on column slipstream.analytics_hour.concerned is 'in the classes subject and external, where it decides who sees the event; else null';

-- By the day of UTC, because there are many of these: most actors and things occur in few days, but in several hours of one.
create table slipstream.analytics_day (
  tenant_id text collate "C" not null,
  kind text collate "C" not null check (kind in ('actor', 'entity')),
  day date not null,
  hash bytea not null,
  id text collate "C" not null,
  entity_type text collate "C" not null,
  module text collate "C" not null,
  category text collate "C" not null,
  severity text collate "C" not null,
  visibility text collate "C" not null,
  concerned text collate "C",
  count bigint not null check (count >= 0),
  primary key (tenant_id, kind, day, hash)
) with (fillfactor = 80);

comment on column slipstream.analytics_day.entity_type is 'of an entity; empty for an actor';

-- For the whole platform, over all tenants: rows come in about in the order of time.
create index analytics_hour_time on slipstream.analytics_hour using brin (hour) with (autosummarize = on);
create index analytics_day_time on slipstream.analytics_day using brin (day) with (autosummarize = on);

-- The functions below run as the owner, who is a member of slipstream_archiver, and so under its policies. The role itself has no right to change a count.
do $$
declare
  name text;
begin
  foreach name in array array['analytics_head', 'analytics_hour', 'analytics_day'] loop
    execute format('alter table slipstream.%I enable row level security', name);
    execute format('alter table slipstream.%I force row level security', name);
    execute format('create policy archiver on slipstream.%I to slipstream_archiver using (true) with check (true)', name);
    execute format('create policy reader on slipstream.%I for select to slipstream_reader using (tenant_id = slipstream.current_tenant())', name);
    execute format('create policy platform on slipstream.%I for select to slipstream_platform using (true)', name);
    execute format('grant select on slipstream.%I to slipstream_reader, slipstream_platform', name);
  end loop;
end
$$;
grant select on slipstream.analytics_head to slipstream_archiver;

-- How far the counts are behind, over all tenants; nothing else of the archive.
create policy platform on slipstream.tenant_head for select to slipstream_platform using (true);
grant select (tenant_id, ledger_size) on slipstream.tenant_head to slipstream_platform;

-- What is counted of each event of a tenant, with the quarter of an hour and the day of UTC in which it happened. The one place that says so: it is read as if it stood in the query that
-- calls it. (date_bin, because date_trunc takes ten times as long; its stretches are counted from 1900, before which no event is.)
create function slipstream.analytics_facts(tenant text)
  returns table (
    number bigint, occurred_at timestamptz, quarter timestamptz, day timestamptz, type text, module text, entity_type text, entity_id text,
    category text, severity text, visibility text, concerned text, actor_id text
  )
  language sql stable parallel safe
as $$
  select e.tenant_seq, e.occurred_at, date_bin('15 minutes', e.occurred_at, timestamptz '1900-01-01 00:00:00+00'),
         date_bin('1 day', e.occurred_at, timestamptz '1900-01-01 00:00:00+00'), e.type, e.module, e.entity_type, e.entity_id, e.category, e.severity, e.visibility,
         case when e.visibility in ('subject', 'external') then e.concerned end, e.actor_id
    from slipstream.event as e
   where e.tenant_id = tenant
$$;

-- The hash of the texts of a key: two different keys have different texts, also with nulls.
create function slipstream.analytics_hash(variadic key text[]) returns bytea
  language sql stable parallel safe
as $$
  select substr(sha256(convert_to(key::text, 'UTF8')), 1, 16)
$$;

-- Locks the counts of a tenant until the end of the transaction, and returns through which number they go.
create function slipstream.analytics_lock(tenant text) returns bigint
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  folded bigint;
begin
  insert into slipstream.analytics_head (tenant_id) values (tenant) on conflict do nothing;
  select h.folded_size into strict folded from slipstream.analytics_head as h where h.tenant_id = tenant for update;
  return folded;
end
$$;

-- Counts the events with the numbers after `after` through `through`, or of these those in `numbers`; or takes them out of the counts.
create function slipstream.analytics_apply(tenant text, is_added boolean, after bigint, through bigint, numbers bigint[]) returns void
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  earliest timestamptz;
  latest timestamptz;
  counted text;
  change text;
begin
  -- In which months they lie.
  select min(b.occurred_from), max(b.occurred_to) into earliest, latest
    from slipstream.ledger_batch as b
   where b.tenant_id = tenant and b.start < through
     and b.start >= coalesce((select max(first.start) from slipstream.ledger_batch as first where first.tenant_id = tenant and first.start <= after), 0);
  counted := '
    with facts as materialized (
      select * from slipstream.analytics_facts($1) as f
       where f.occurred_at >= $4 and f.occurred_at <= $5 and f.number > $2 and f.number <= $3'
    || case when numbers is null then '' else ' and f.number = any($6)' end || '
    ),
    quarters as (
      select f.quarter, f.type, f.category, f.severity, f.visibility, f.concerned, count(*) as n
        from facts as f
       group by f.quarter, f.type, f.category, f.severity, f.visibility, f.concerned
    ),
    hours as (
      select h.hour, slipstream.analytics_hash(q.type, q.category, q.severity, q.visibility, q.concerned) as hash,
             q.type, q.category, q.severity, q.visibility, q.concerned,
             coalesce(sum(q.n) filter (where q.quarter = h.hour), 0)::bigint as q0,
             coalesce(sum(q.n) filter (where q.quarter = h.hour + interval ''15 minutes''), 0)::bigint as q1,
             coalesce(sum(q.n) filter (where q.quarter = h.hour + interval ''30 minutes''), 0)::bigint as q2,
             coalesce(sum(q.n) filter (where q.quarter = h.hour + interval ''45 minutes''), 0)::bigint as q3
        from quarters as q
       cross join lateral (select date_trunc(''hour'', q.quarter, ''UTC'') as hour) as h
       group by h.hour, q.type, q.category, q.severity, q.visibility, q.concerned
    ),
    keyed as (
      select k.kind, f.day, k.id, k.entity_type, f.module, f.category, f.severity, f.visibility, f.concerned, count(*) as count
        from facts as f
       cross join lateral (values (''actor'', f.actor_id, ''''), (''entity'', f.entity_id, f.entity_type)) as k (kind, id, entity_type)
       group by k.kind, f.day, k.id, k.entity_type, f.module, f.category, f.severity, f.visibility, f.concerned
    ),
    days as (
      select k.kind, (k.day at time zone ''UTC'')::date as day,
             slipstream.analytics_hash(k.id, k.entity_type, k.module, k.category, k.severity, k.visibility, k.concerned) as hash,
             k.id, k.entity_type, k.module, k.category, k.severity, k.visibility, k.concerned, k.count
        from keyed as k
    )';
  if is_added then
    change := ',
    more as (
      insert into slipstream.analytics_hour as a (tenant_id, hour, hash, type, category, severity, visibility, concerned, q0, q1, q2, q3)
      select $1, h.* from hours as h
      on conflict (tenant_id, hour, hash) do update
        set q0 = a.q0 + excluded.q0, q1 = a.q1 + excluded.q1, q2 = a.q2 + excluded.q2, q3 = a.q3 + excluded.q3
    )
    insert into slipstream.analytics_day as a (tenant_id, kind, day, hash, id, entity_type, module, category, severity, visibility, concerned, count)
    select $1, d.* from days as d
    on conflict (tenant_id, kind, day, hash) do update set count = a.count + excluded.count';
  else
    -- A count that is too small is not what must keep an event from being redacted: it becomes 0, and a reconciliation finds it.
    change := ',
    left_hours as materialized (
      select a.hour, a.hash, greatest(a.q0 - h.q0, 0) as q0, greatest(a.q1 - h.q1, 0) as q1, greatest(a.q2 - h.q2, 0) as q2, greatest(a.q3 - h.q3, 0) as q3
        from hours as h join slipstream.analytics_hour as a on a.tenant_id = $1 and a.hour = h.hour and a.hash = h.hash
    ),
    left_days as materialized (
      select a.kind, a.day, a.hash, greatest(a.count - d.count, 0) as count
        from days as d join slipstream.analytics_day as a on a.tenant_id = $1 and a.kind = d.kind and a.day = d.day and a.hash = d.hash
    ),
    no_hours as (
      delete from slipstream.analytics_hour as a using left_hours as l
       where a.tenant_id = $1 and a.hour = l.hour and a.hash = l.hash and l.q0 + l.q1 + l.q2 + l.q3 = 0
    ),
    less_hours as (
      update slipstream.analytics_hour as a set q0 = l.q0, q1 = l.q1, q2 = l.q2, q3 = l.q3 from left_hours as l
       where a.tenant_id = $1 and a.hour = l.hour and a.hash = l.hash and l.q0 + l.q1 + l.q2 + l.q3 > 0
    ),
    no_days as (
      delete from slipstream.analytics_day as a using left_days as l
       where a.tenant_id = $1 and a.kind = l.kind and a.day = l.day and a.hash = l.hash and l.count = 0
    )
    update slipstream.analytics_day as a set count = l.count from left_days as l
     where a.tenant_id = $1 and a.kind = l.kind and a.day = l.day and a.hash = l.hash and l.count > 0';
  end if;
  execute counted || change using tenant, after, through, coalesce(earliest, '-infinity'), coalesce(latest, 'infinity'), numbers;
end
$$;

-- Counts the next events of a tenant, at most so many, and returns how many numbers that were; 0 when there is nothing to count, or somebody else is at it.
create function slipstream.analytics_fold(tenant text, most bigint) returns bigint
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  folded bigint;
  archived bigint;
  through bigint;
begin
  insert into slipstream.analytics_head (tenant_id) values (tenant) on conflict do nothing;
  select h.folded_size into folded from slipstream.analytics_head as h where h.tenant_id = tenant for update skip locked;
  if not found then
    return 0;
  end if;
  select h.ledger_size into strict archived from slipstream.tenant_head as h where h.tenant_id = tenant;
  through := least(archived, folded + most);
  if through <= folded then
    return 0;
  end if;
  perform slipstream.analytics_apply(tenant, true, folded, through, null);
  update slipstream.analytics_head as h set folded_size = through, folded_at = clock_timestamp() where h.tenant_id = tenant;
  return through - folded;
end
$$;

-- For whoever changes or removes events: takes them out of the counts, as they are now. To be called before they are changed, in the same transaction, with all their numbers at once;
-- the counts are locked until its end. Numbers that are not counted yet are passed over, and so are those of events that are gone.
create function slipstream.analytics_forget(tenant text, numbers bigint[]) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  folded bigint := slipstream.analytics_lock(tenant);
begin
  perform slipstream.analytics_apply(tenant, false, (select min(n) - 1 from unnest(numbers) as n), least(folded, (select max(n) from unnest(numbers) as n)), numbers);
end
$$;

-- Counts events again after they were changed, as they are then: in the transaction of slipstream.analytics_forget.
create function slipstream.analytics_admit(tenant text, numbers bigint[]) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  folded bigint := slipstream.analytics_lock(tenant);
begin
  perform slipstream.analytics_apply(tenant, true, (select min(n) - 1 from unnest(numbers) as n), least(folded, (select max(n) from unnest(numbers) as n)), numbers);
end
$$;

-- Begins the counts of a tenant anew: nothing is counted, and everything is to be.
create function slipstream.analytics_reset(tenant text) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  perform slipstream.analytics_lock(tenant);
  delete from slipstream.analytics_hour as a where a.tenant_id = tenant;
  delete from slipstream.analytics_day as a where a.tenant_id = tenant;
  update slipstream.analytics_head as h set folded_size = 0 where h.tenant_id = tenant;
end
$$;

do $$
declare
  func regprocedure;
begin
  for func in select p.oid::regprocedure from pg_proc as p where p.pronamespace = 'slipstream'::regnamespace and p.proname like 'analytics\_%' loop
    execute format('revoke all on function %s from public', func);
  end loop;
end
$$;
grant execute on function slipstream.analytics_facts(text), slipstream.analytics_hash(text[]) to slipstream_reader;
grant execute on function slipstream.analytics_fold(text, bigint), slipstream.analytics_reset(text) to slipstream_archiver;
grant execute on function slipstream.analytics_forget(text, bigint[]) to slipstream_redactor, slipstream_retention;
grant execute on function slipstream.analytics_admit(text, bigint[]) to slipstream_redactor;
