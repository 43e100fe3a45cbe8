-- What would be removed of tenant $1: of each category of $2 what happened before $3, or has a number up to $4; nothing with a number above $5.
with holds as materialized (select hold from slipstream.open_holds($1) as hold),
due as (
  select e.category, e.occurred_at,
         exists (
           select from holds where slipstream.hold_covers(holds.hold, e.category, e.entity_type, e.entity_id, e.actor_id, e.occurred_at)
         ) as held
    from unnest($2::text[], $3::timestamptz[], $4::bigint[]) as rule (category, before, through)
    join slipstream.event as e on e.category = rule.category
   where e.tenant_id = $1 and e.tenant_seq <= $5 and not starts_with(e.type, 'archive.')
     and (e.occurred_at < rule.before or e.tenant_seq <= rule.through)
     and (e.occurred_at < (select max(before) from unnest($3::timestamptz[]) as before) or e.tenant_seq <= (select max(through) from unnest($4::bigint[]) as through))
)
select category, count(*) filter (where not held) as events, min(occurred_at) filter (where not held) as oldest, max(occurred_at) filter (where not held) as newest,
       count(*) filter (where held) as held
  from due
 group by category
 order by category
