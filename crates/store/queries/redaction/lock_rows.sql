-- The chosen events of tenant $1, locked, and whether a hold covers them.
select e.occurred_at, e.event_id, e.tenant_seq, e.type, e.payload,
       exists (
         select from slipstream.open_holds($1) as hold
          where slipstream.hold_covers(hold, e.category, e.entity_type, e.entity_id, e.actor_id, e.occurred_at)
       ) as held
  from unnest($2::timestamptz[], $3::uuid[]) as chosen (occurred_at, event_id)
  join slipstream.event as e on e.tenant_id = $1 and e.occurred_at = chosen.occurred_at and e.event_id = chosen.event_id
 where e.occurred_at >= $4 and e.occurred_at <= $5
 order by e.tenant_seq
   for update of e
