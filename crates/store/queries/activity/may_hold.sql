-- Batches of tenant $1 that may hold what has the bits $2 among the numbers above $3 and up to $4, newest first, before the batch that starts at $5.
-- How the filters are read: see ledger/may_hold.sql.
select b.start, b.size, b.occurred_from, b.occurred_to
  from slipstream.ledger_batch as b
 where b.tenant_id = $1
   and b.start < coalesce($5::bigint, $4)
   and b.start < $4
   and b.start + b.size > $3
   and b.start >= coalesce((select max(first.start) from slipstream.ledger_batch as first where first.tenant_id = $1 and first.start <= $3), 0)
   and (b.terms is null or not exists (
     select from unnest($2::integer[]) as searched (bit)
      where get_byte(substring(b.terms from ((searched.bit & (octet_length(b.terms) * 8 - 1)) >> 3) + 1 for 1), 0) & (1 << (searched.bit & 7)) = 0
   ))
 order by b.start desc
 limit $6
