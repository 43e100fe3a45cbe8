-- Between which times lie the events with numbers above $2 and up to $3. The batch that holds number $2 + 1 begins at or before $2.
select min(occurred_from) as occurred_from, max(occurred_to) as occurred_to
  from slipstream.ledger_batch
 where tenant_id = $1 and start < $3
   and start >= coalesce((select max(b.start) from slipstream.ledger_batch as b where b.tenant_id = $1 and b.start <= $2), 0)
