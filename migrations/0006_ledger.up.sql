-- The ledger: per tenant an append-only Merkle tree (RFC 9162) over the events in the order in which they were archived, and what is signed of it.
-- The n-th event of a tenant is its leaf n - 1, and bears the number n (`tenant_seq`): without holes, so that it can be told that nothing is missing.

alter table slipstream.event no force row level security;

alter table slipstream.event
  add column tenant_seq bigint,
  add column redacted_at timestamptz;

update slipstream.event as e
   set tenant_seq = numbered.n
  from (
    select tenant_id, occurred_at, event_id,
           row_number() over (partition by tenant_id order by p.began_at nulls first, e.shard, e.epoch, e.seq) as n
      from slipstream.event as e
      left join slipstream.stream_epoch as p using (shard, epoch)
  ) as numbered
 where (e.tenant_id, e.occurred_at, e.event_id) = (numbered.tenant_id, numbered.occurred_at, numbered.event_id);

alter table slipstream.event alter column tenant_seq set not null;

comment on column slipstream.event.tenant_seq is 'the how manieth event of its tenant in the archive it is, from 1; its leaf in the ledger is the one before';
comment on column slipstream.event.redacted_at is 'when a part of it was taken away; null when it is as published';

-- Cold replay finds its place through ledger_batch.
drop index slipstream.event_position;
create index event_seq on slipstream.event (tenant_id, tenant_seq);

-- One row for each tenant of each batch of the archiver: the tenant's events `start + 1` to `start + size`. It outlives the events.
create table slipstream.ledger_batch (
  tenant_id text collate "C" not null,
  start bigint not null check (start >= 0),
  size integer not null check (size > 0),
  shard integer not null,
  epoch bigint not null,
  first_seq bigint not null,
  last_seq bigint not null,
  occurred_from timestamptz not null,
  occurred_to timestamptz not null,
  archived_at timestamptz not null default now(),
  leaves bytea not null check (octet_length(leaves) = 32 * size),
  terms bytea,
  primary key (tenant_id, start)
);

comment on table slipstream.ledger_batch is 'where a tenant''s events lie in the log and in time, and their leaf hashes';
comment on column slipstream.ledger_batch.leaves is 'leaf hashes, SHA-256 of a zero byte and the bytes as published, one after the other';
comment on column slipstream.ledger_batch.terms is 'a Bloom filter of what is searched and filtered by: what it does not hold need not be read; null: unknown';

-- Parts of it are read: of `terms` single bytes, of `leaves` single hashes.
alter table slipstream.ledger_batch alter column leaves set storage external, alter column terms set storage external;
-- Searches go through the batches from the newest end on.
create index ledger_batch_time on slipstream.ledger_batch (tenant_id, occurred_to, start);
create index ledger_batch_position on slipstream.ledger_batch (tenant_id, shard, epoch, last_seq);

-- Inner nodes of the trees that cover 256 leaves and more, so that a proof reads few leaves.
create table slipstream.ledger_node (
  tenant_id text collate "C" not null,
  level smallint not null check (level between 8 and 62),
  index bigint not null check (index >= 0),
  hash bytea not null check (octet_length(hash) = 32),
  primary key (tenant_id, level, index)
);

-- What was signed.
create table slipstream.ledger_checkpoint (
  tenant_id text collate "C" not null,
  size bigint not null check (size >= 0),
  signed_at timestamptz not null,
  key_name text not null,
  note text not null,
  primary key (tenant_id, size)
);

comment on column slipstream.ledger_checkpoint.note is 'the signed note (C2SP tlog-checkpoint), as it is shown';

alter table slipstream.tenant_head
  add column shard integer,
  add column ledger_size bigint not null default 0,
  add column peaks bytea,
  add column latest_at timestamptz,
  add column signed_size bigint not null default 0;

comment on column slipstream.tenant_head.peaks is 'hashes of the largest complete subtrees, from left to right; null: not computed, the leaves are read';
comment on column slipstream.tenant_head.signed_size is 'through which number a checkpoint was signed';
comment on column slipstream.tenant_head.latest_at is 'the latest time of the tenant''s events: an event that is later is new';

-- What was archived before: in batches of 1,000, without the filter of terms.
insert into slipstream.ledger_batch (tenant_id, start, size, shard, epoch, first_seq, last_seq, occurred_from, occurred_to, leaves)
select tenant_id, min(tenant_seq) - 1, count(*)::integer, shard, epoch, min(seq), max(seq), min(occurred_at), max(occurred_at),
       string_agg(sha256('\x00'::bytea || convert_to(payload, 'UTF8')), ''::bytea order by tenant_seq)
  from slipstream.event
 group by tenant_id, shard, epoch, (tenant_seq - 1) / 1000;

insert into slipstream.tenant_head as head (tenant_id, version, shard, ledger_size, latest_at)
select tenant_id, count(*), max(shard), count(*), max(occurred_at) from slipstream.event group by tenant_id
on conflict (tenant_id) do update set shard = excluded.shard, ledger_size = excluded.ledger_size, latest_at = excluded.latest_at;

alter table slipstream.event drop column leaf_hash;
alter table slipstream.event force row level security;

alter table slipstream.ledger_batch enable row level security;
alter table slipstream.ledger_batch force row level security;
alter table slipstream.ledger_node enable row level security;
alter table slipstream.ledger_node force row level security;
alter table slipstream.ledger_checkpoint enable row level security;
alter table slipstream.ledger_checkpoint force row level security;

create policy archiver on slipstream.ledger_batch to slipstream_archiver using (true) with check (true);
create policy archiver on slipstream.ledger_node to slipstream_archiver using (true) with check (true);
create policy archiver on slipstream.ledger_checkpoint to slipstream_archiver using (true) with check (true);
create policy reader on slipstream.ledger_batch for select to slipstream_reader using (tenant_id = slipstream.current_tenant());
create policy reader on slipstream.ledger_node for select to slipstream_reader using (tenant_id = slipstream.current_tenant());
create policy reader on slipstream.ledger_checkpoint for select to slipstream_reader using (tenant_id = slipstream.current_tenant());

grant select, insert on slipstream.ledger_batch, slipstream.ledger_node, slipstream.ledger_checkpoint to slipstream_archiver;
grant select on slipstream.ledger_batch, slipstream.ledger_node, slipstream.ledger_checkpoint to slipstream_reader;
-- To find what is there already.
grant select (tenant_id, occurred_at, event_id) on slipstream.event to slipstream_archiver;

-- The archiver copies into the partitions themselves, because Postgres has no COPY into a table with row-level security. Nobody else holds a right on a
-- partition: everybody reads through `slipstream.event`, where the policies hold.
create function slipstream.open_event_partition(partition regclass) returns void
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  execute format('alter table %s no force row level security', partition);
  execute format('alter table %s disable row level security', partition);
  execute format('grant insert on %s to slipstream_archiver', partition);
end
$$;
revoke all on function slipstream.open_event_partition(regclass) from public;

select slipstream.open_event_partition(inhrelid::regclass) from pg_inherits where inhparent = 'slipstream.event'::regclass;

-- The same as before, but for the rights on the partition.
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
    execute format('alter table slipstream.event attach partition slipstream.%I for values from (%L) to (%L)',
      partition, month::timestamptz, (month + interval '1 month')::timestamptz);
    perform slipstream.open_event_partition(to_regclass('slipstream.' || partition));
    made := made + 1;
  end loop;
  return made;
end
$$;
grant execute on function slipstream.event_past_before() to slipstream_archiver;
