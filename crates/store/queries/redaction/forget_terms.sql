-- The filters of the batches that hold the numbers $2 of tenant $1 still tell of the words as they were: such batches are searched without one.
update slipstream.ledger_batch as batch
   set terms = null
 where batch.tenant_id = $1 and batch.terms is not null
   and batch.start in (
     select (select max(start) from slipstream.ledger_batch where tenant_id = $1 and start < changed.number)
       from unnest($2::bigint[]) as changed (number)
   )
