-- The first batch of tenant $1 with numbers after $2 and events up to the time $3: they came late.
select start, start + size as last, occurred_from
  from slipstream.ledger_batch
 where tenant_id = $1 and start + size > $2 and occurred_from <= $3
   and start >= coalesce((select max(start) from slipstream.ledger_batch where tenant_id = $1 and start <= $2), 0)
 order by start
 limit 1
