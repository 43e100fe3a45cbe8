select e.shard, e.epoch, e.seq
  from unnest($2::uuid[], $3::timestamptz[]) with ordinality as asked (event_id, occurred_at, place)
  left join lateral (
    select shard, epoch, seq
      from slipstream.event
     where tenant_id = $1 and occurred_at = asked.occurred_at and event_id = asked.event_id
  ) as e on true
 order by asked.place
