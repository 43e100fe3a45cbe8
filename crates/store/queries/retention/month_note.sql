-- Notes what goes of tenant $1 with the month from $2 to $3, in pieces of at most $4. Answers the ranges of numbers, how many of each category, and the latest time.
with due as materialized (
  select occurred_at, event_id, tenant_seq, category, shard, epoch, seq, date_trunc('day', occurred_at, 'UTC') as day
    from slipstream.event
   where tenant_id = $1 and occurred_at >= $2 and occurred_at < $3 and not starts_with(type, 'archive.')
),
pieces as (
  select *, (row_number() over (partition by shard, epoch, day order by occurred_at, event_id) - 1) / $4 as piece from due
),
noted as (
  insert into slipstream.ledger_removed (tenant_id, start, shard, epoch, first_seq, last_seq, occurred_from, occurred_to, ids, times, numbers, seqs)
  select $1, min(tenant_seq), shard, epoch, min(seq), max(seq), min(occurred_at), max(occurred_at),
         array_agg(event_id order by tenant_seq), array_agg(occurred_at order by tenant_seq), array_agg(tenant_seq order by tenant_seq), array_agg(seq order by tenant_seq)
    from pieces
   group by shard, epoch, day, piece
),
ranges as (
  select min(tenant_seq) as first, max(tenant_seq) as last
    from (select tenant_seq, tenant_seq - row_number() over (order by tenant_seq) as island from due) as numbered
   group by island
)
select coalesce((select array_agg(first order by first) from ranges), '{}') as firsts, coalesce((select array_agg(last order by first) from ranges), '{}') as lasts,
       coalesce((select jsonb_object_agg(category, events) from (select category, count(*) as events from due group by category) as counted), '{}') as categories,
       (select max(occurred_at) from due) as latest
