-- $1 tenant, leaves from $2 up to and without $3: the batches that hold them.
select start, leaves
  from slipstream.ledger_batch
 where tenant_id = $1 and start < $3
   and start >= coalesce((select max(start) from slipstream.ledger_batch where tenant_id = $1 and start <= $2), 0)
 order by start
