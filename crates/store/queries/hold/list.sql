-- The holds of tenant $1, newest first, after the hold $2.
select *
  from slipstream.legal_hold
 where tenant_id = $1
   and ($2::uuid is null or (placed_at, id) < (select placed_at, id from slipstream.legal_hold where tenant_id = $1 and id = $2))
 order by placed_at desc, id desc
 limit $3
