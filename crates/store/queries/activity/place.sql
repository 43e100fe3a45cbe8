-- Where those of a tenant's events lie in shard $2 and epoch $3 that have the numbers $4, or the last before each that is there: in order. 0: before this epoch.
select case
         when b.shard is distinct from $2 or b.epoch is distinct from $3 then 0
         when asked.number >= b.start + b.size then b.last_seq
         else coalesce(e.seq, b.first_seq - 1)
       end
  from unnest($4::bigint[]) with ordinality as asked (number, place)
  left join lateral (
    select * from slipstream.ledger_batch where tenant_id = $1 and start < asked.number order by start desc limit 1
  ) as b on true
  left join lateral (
    select seq
      from slipstream.event
     where tenant_id = $1 and tenant_seq > b.start and tenant_seq <= asked.number and occurred_at between b.occurred_from and b.occurred_to
     order by tenant_seq desc
     limit 1
  ) as e on true
 order by asked.place
