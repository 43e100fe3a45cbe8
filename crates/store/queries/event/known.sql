-- $1 tenant, events by id $2 and time $3: where each stands in the log, or stood until retention removed it. One statement, so that an event that is removed meanwhile is found in
-- one place or the other.
with asked as materialized (
  select * from unnest($2::uuid[], $3::timestamptz[]) with ordinality as asked (event_id, occurred_at, place)
),
removed as materialized (
  select distinct r.start
    from asked
    join slipstream.tenant_head as head on head.tenant_id = $1 and asked.occurred_at <= head.removed_to
    join slipstream.ledger_removed as r
      on r.tenant_id = $1 and r.occurred_from <= asked.occurred_at and r.occurred_from > asked.occurred_at - interval '1 day' and r.occurred_to >= asked.occurred_at
),
gone as (
  select asked.place, r.shard, r.epoch, gone.seq
    from removed
    join slipstream.ledger_removed as r on r.tenant_id = $1 and r.start = removed.start
   cross join lateral unnest(r.ids, r.times, r.seqs) as gone (event_id, occurred_at, seq)
    join asked on asked.occurred_at = gone.occurred_at and asked.event_id = gone.event_id
)
select coalesce(e.shard, gone.shard) as shard, coalesce(e.epoch, gone.epoch) as epoch, coalesce(e.seq, gone.seq) as seq
  from asked
  left join lateral (
    select shard, epoch, seq
      from slipstream.event
     where tenant_id = $1 and occurred_at = asked.occurred_at and event_id = asked.event_id
  ) as e on true
  left join gone on gone.place = asked.place
 order by asked.place
