-- Events of tenant $1 that happened before $2, in the order of time, from $3 on and after the one with id $4 at $3; at most $5.
with holds as materialized (select hold from slipstream.open_holds($1) as hold)
select e.tenant_seq, e.occurred_at, e.event_id, e.category, starts_with(e.type, 'archive.') as kept,
       exists (
         select from holds where slipstream.hold_covers(holds.hold, e.category, e.entity_type, e.entity_id, e.actor_id, e.occurred_at)
       ) as held
  from slipstream.event as e
 where e.tenant_id = $1 and e.occurred_at < $2 and e.occurred_at >= $3 and (e.occurred_at, e.event_id) > ($3, $4)
 order by e.occurred_at, e.event_id
 limit $5
