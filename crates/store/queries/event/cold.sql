-- $1 tenant, $2 shard, $3 epoch, after $4 up to $5, $6 rows at most, $7 bytes of payload at most (the first row comes in any case).
-- The last column is how many rows there would be without the limit of bytes.
select seq, payload, found
  from (
    select seq, payload, sum(octet_length(payload)) over (order by seq) - octet_length(payload) as bytes_before, count(*) over () as found
      from (
        select seq, payload
          from slipstream.event
         where tenant_id = $1 and shard = $2 and epoch = $3 and seq > $4 and seq <= $5
         order by seq
         limit $6
      ) as next
  ) as sized
 where bytes_before < $7
 order by seq
