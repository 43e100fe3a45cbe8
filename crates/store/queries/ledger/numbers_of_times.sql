-- Between which numbers lie the events of tenant $1 that happened from $2 to $3: the first after `after`, the last `through`. Batches hold others as well.
select min(start) as after, max(start + size) as through
  from slipstream.ledger_batch
 where tenant_id = $1 and occurred_to >= coalesce($2::timestamptz, '-infinity') and occurred_from <= coalesce($3::timestamptz, 'infinity')
