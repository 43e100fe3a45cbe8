with batches as (
  select min(start) as start, max(start + size) as last, min(occurred_from) as occurred_from, max(occurred_to) as occurred_to
    from slipstream.ledger_batch
   where tenant_id = $1 and shard = $2 and epoch = $3 and last_seq > $4 and first_seq <= $5
)
select count(*)
  from slipstream.event
 where tenant_id = $1 and shard = $2 and epoch = $3 and seq > $4 and seq <= $5
   and tenant_seq > (select start from batches) and tenant_seq <= (select last from batches)
   and occurred_at >= (select occurred_from from batches) and occurred_at <= (select occurred_to from batches)
