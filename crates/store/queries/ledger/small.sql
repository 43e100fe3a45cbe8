-- Batches of all tenants that are small or have no filter, behind the one of tenant $1 that starts at $2, at most $3: those that are alike in a row may become one.
select tenant_id, start, size, shard, epoch, terms is not null as has_filter
  from slipstream.ledger_batch
 where (size < 1024 or terms is null) and (tenant_id, start) > ($1, $2)
 order by tenant_id, start
 limit $3
