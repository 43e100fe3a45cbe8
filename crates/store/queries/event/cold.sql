-- $1 tenant, $2 shard, $3 epoch, after $4 up to $5, $6 rows at most, $7 bytes of payload at most (the first row comes in any case).
-- The batches tell which numbers these events have and when they happened, so that only partitions of that time are read.
-- The last column is how many rows there would be without the limit of bytes.
with batches as (
  select start, size, occurred_from, occurred_to
    from (
      -- How many events lie before each, but for those of the first, of which a part may lie before what is asked for.
      select *, sum(size) over (order by last_seq) - size - first_value(size) over (order by last_seq) as before
        from (
          select last_seq, start, size, occurred_from, occurred_to
            from slipstream.ledger_batch
           where tenant_id = $1 and shard = $2 and epoch = $3 and last_seq > $4 and first_seq <= $5
           order by last_seq
           limit $6 + 1
        ) as next
    ) as counted
   where before < $6
)
select seq, payload, found
  from (
    select seq, payload, sum(octet_length(payload)) over (order by seq) - octet_length(payload) as bytes_before, count(*) over () as found
      from (
        select seq, payload
          from slipstream.event
         where tenant_id = $1 and shard = $2 and epoch = $3 and seq > $4 and seq <= $5
           and tenant_seq > (select min(start) from batches) and tenant_seq <= (select max(start + size) from batches)
           and occurred_at >= (select min(occurred_from) from batches) and occurred_at <= (select max(occurred_to) from batches)
         order by tenant_seq
         limit $6
      ) as next
  ) as sized
 where bytes_before < $7
 order by seq
