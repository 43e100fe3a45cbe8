-- Where the events of tenant $1 with numbers after $2 up to $3 lie, in time and in the log.
select min(occurred_from) as occurred_from, max(occurred_to) as occurred_to, min(shard) as shard,
       (array_agg(epoch order by start))[1] as from_epoch, (array_agg(first_seq order by start))[1] as from_seq,
       (array_agg(epoch order by start desc))[1] as to_epoch, (array_agg(last_seq order by start desc))[1] as to_seq
  from slipstream.ledger_batch
 where tenant_id = $1 and start < $3
   and start >= coalesce((select max(b.start) from slipstream.ledger_batch as b where b.tenant_id = $1 and b.start <= $2), 0)
