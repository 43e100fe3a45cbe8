-- The event of tenant $1 with id $2 that was removed, if it happened about $3, in seconds since 1970: the time that its id bears.
select gone.number, r.removed_at
  from slipstream.ledger_removed as r
 cross join lateral unnest(r.ids, r.numbers) as gone (event_id, number)
 where r.tenant_id = $1 and gone.event_id = $2
   and r.occurred_from > to_timestamp($3) - interval '25 hours' and r.occurred_from <= to_timestamp($3) + interval '1 hour'
   and r.occurred_to >= to_timestamp($3) - interval '1 hour'
 limit 1
