-- Removes events of tenant $1 by time $2 and id $3, all between $4 and $5, and notes what they were. Answers how many went, and the latest time.
with chosen as (
  select * from unnest($2::timestamptz[], $3::uuid[]) as chosen (occurred_at, event_id)
),
gone as (
  delete from slipstream.event as e
   using chosen
   where e.tenant_id = $1 and e.occurred_at between $4 and $5 and e.occurred_at = chosen.occurred_at and e.event_id = chosen.event_id
  returning e.occurred_at, e.event_id, e.tenant_seq, e.shard, e.epoch, e.seq
),
noted as (
  insert into slipstream.ledger_removed (tenant_id, start, shard, epoch, first_seq, last_seq, occurred_from, occurred_to, ids, times, numbers, seqs)
  select $1, min(tenant_seq), shard, epoch, min(seq), max(seq), min(occurred_at), max(occurred_at),
         array_agg(event_id order by tenant_seq), array_agg(occurred_at order by tenant_seq), array_agg(tenant_seq order by tenant_seq), array_agg(seq order by tenant_seq)
    from gone
   group by shard, epoch, date_trunc('day', occurred_at, 'UTC')
)
select count(*), max(occurred_at) from gone
