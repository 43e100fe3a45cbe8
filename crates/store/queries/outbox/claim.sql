-- $1 rows at most, $2 tenants to leave out, $3 bytes of payload at most (the first row comes in any case)
select id, tenant_id, event_id, type, payload, traceparent, created_at, attempts
  from (
    select *, sum(octet_length(payload)) over (order by id) - octet_length(payload) as bytes_before
      from (
        select id, tenant_id, event_id, type, payload, traceparent, created_at, attempts
          from slipstream.outbox
         where published_at is null and set_aside_at is null and tenant_id <> all ($2)
         order by id
         limit $1
      ) as oldest
  ) as sized
 where bytes_before < $3
 order by id
