-- How many of a tenant's first events, from number $2 on, are older than $3 together: the start of the first batch that is not.
select min(start) as start
  from slipstream.ledger_batch
 where tenant_id = $1 and occurred_to >= $3
   and start >= coalesce((select max(b.start) from slipstream.ledger_batch as b where b.tenant_id = $1 and b.start <= $2), 0)
