-- Parts of time in which events of tenant $1 with the bits $2 from $3 to $4 may lie, with how many events their batches have: about $5 each. Without bits all batches count, and what lies
-- between them holds no event; with bits a part ends where no batch that may hold them goes on. How the filters are read: see ledger/may_hold.sql.
with held as (
  select b.start, b.size, b.occurred_from, b.occurred_to
    from slipstream.ledger_batch as b
   where b.tenant_id = $1
     and b.occurred_to >= coalesce($3::timestamptz, '-infinity')
     and b.occurred_from <= coalesce($4::timestamptz, 'infinity')
     and (b.terms is null or not exists (
       select from unnest($2::integer[]) as searched (bit)
        where get_byte(substring(b.terms from ((searched.bit & (octet_length(b.terms) * 8 - 1)) >> 3) + 1 for 1), 0) & (1 << (searched.bit & 7)) = 0
     ))
),
placed as (
  select start, size, occurred_from, occurred_to, sum(size) over by_time as events,
         occurred_from > max(occurred_to) over (by_time rows between unbounded preceding and 1 preceding) as is_apart
    from held
  window by_time as (order by occurred_from, start)
),
parts as (
  select *, case when cardinality($2::integer[]) > 0 then count(*) filter (where is_apart) over (order by occurred_from, start) else 0 end as part from placed
)
select min(occurred_from) as occurred_from, max(occurred_to) as occurred_to, sum(size)::bigint as events
  from parts
 group by part, events / $5
