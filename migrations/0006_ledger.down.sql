alter table slipstream.event no force row level security;
alter table slipstream.event add column leaf_hash bytea;
update slipstream.event set leaf_hash = sha256(convert_to(payload, 'UTF8'));
alter table slipstream.event alter column leaf_hash set not null, add check (octet_length(leaf_hash) = 32);
revoke select (occurred_at, event_id) on slipstream.event from slipstream_archiver;
drop index slipstream.event_seq;
alter table slipstream.event drop column tenant_seq, drop column redacted_at;
create index event_position on slipstream.event (tenant_id, shard, epoch, seq);
alter table slipstream.event force row level security;

alter table slipstream.tenant_head drop column shard, drop column ledger_size, drop column peaks, drop column latest_at, drop column signed_size;
drop table slipstream.ledger_checkpoint;
drop table slipstream.ledger_node;
drop table slipstream.ledger_batch;

do $$
declare
  partition regclass;
begin
  for partition in select inhrelid::regclass from pg_inherits where inhparent = 'slipstream.event'::regclass loop
    execute format('revoke all on %s from slipstream_archiver', partition);
    execute format('alter table %s enable row level security', partition);
    execute format('alter table %s force row level security', partition);
  end loop;
end
$$;
drop function slipstream.open_event_partition(regclass);
revoke execute on function slipstream.event_past_before() from slipstream_archiver;

create or replace function slipstream.ensure_event_partitions(months date[]) returns integer
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
