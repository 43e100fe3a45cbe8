-- The numbers after $2 up to $3 of tenant $1, which happened from $4 to $5, that are neither there nor were removed by retention: as ranges, at most $6.
with known as (
  select tenant_seq as number from slipstream.event
   where tenant_id = $1 and tenant_seq > $2 and tenant_seq <= $3 and occurred_at between $4 and $5
   union
  select number from slipstream.ledger_removed as r cross join lateral unnest(r.numbers) as number
   where r.tenant_id = $1 and r.occurred_from <= $5 and r.occurred_to >= $4 and number > $2 and number <= $3
   union
  values ($3 + 1)
)
select before + 1 as first, number - 1 as last
  from (select number, lag(number, 1, $2) over (order by number) as before from known) as stepped
 where number > before + 1
 order by first
 limit $6
