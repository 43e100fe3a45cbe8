-- Events of tenant $1 with numbers after $2 up to $3 that happened before $4, in the order of their numbers; at most $5.
with holds as materialized (select hold from slipstream.open_holds($1) as hold)
select e.tenant_seq, e.occurred_at, e.event_id, e.category, starts_with(e.type, 'archive.') as kept,
       exists (
         select from holds where slipstream.hold_covers(holds.hold, e.category, e.entity_type, e.entity_id, e.actor_id, e.occurred_at)
       ) as held
  from slipstream.event as e
 where e.tenant_id = $1 and e.tenant_seq > $2 and e.tenant_seq <= $3 and e.occurred_at < $4
 order by e.tenant_seq
 limit $5
