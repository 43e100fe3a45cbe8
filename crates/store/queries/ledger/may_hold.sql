-- Batches of tenant $1 that may hold a text with the bits $2 at a time of $3 to $4, newest end first, after the batch that ends at $5 and starts at $6.
-- Single bytes of the filters are read, in the order of the bits, up to the first that is missing: `substring` fetches only its part of the value,
-- `get_byte` alone would fetch all of it. The bits are in a subquery under `or`, which no plan turns into a join.
select b.start, b.size, b.occurred_from, b.occurred_to
  from slipstream.ledger_batch as b
 where b.tenant_id = $1
   and b.occurred_to >= coalesce($3::timestamptz, '-infinity')
   and b.occurred_from <= coalesce($4::timestamptz, 'infinity')
   and (b.occurred_to, b.start) < (coalesce($5::timestamptz, 'infinity'), coalesce($6::bigint, 0))
   and (b.terms is null or not exists (
     select from unnest($2::integer[]) as searched (bit)
      where get_byte(substring(b.terms from ((searched.bit & (octet_length(b.terms) * 8 - 1)) >> 3) + 1 for 1), 0) & (1 << (searched.bit & 7)) = 0
   ))
 order by b.occurred_to desc, b.start desc
 limit $7
