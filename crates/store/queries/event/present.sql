-- Which of the given events the archive holds, or held until retention removed them: their places in the list, from 1. The limit keeps it at one look-up of the primary key for
-- each. It is one statement, so that an event that is removed meanwhile is found in one place or the other.
with asked as materialized (
  select * from unnest($1::text[], $2::timestamptz[], $3::uuid[]) with ordinality as asked (tenant_id, occurred_at, event_id, place)
),
-- What was removed and may hold some of them: nothing while all that is asked for is later than it.
removed as materialized (
  select distinct r.tenant_id, r.start
    from asked
    join slipstream.tenant_head as head on head.tenant_id = asked.tenant_id and asked.occurred_at <= head.removed_to
    join slipstream.ledger_removed as r
      on r.tenant_id = asked.tenant_id and r.occurred_from <= asked.occurred_at and r.occurred_from > asked.occurred_at - interval '1 day'
     and r.occurred_to >= asked.occurred_at
)
select asked.place
  from asked
 cross join lateral (
   select 1
     from slipstream.event
    where tenant_id = asked.tenant_id and occurred_at = asked.occurred_at and event_id = asked.event_id
    limit 1
 ) as found
union all
select asked.place
  from removed
  join slipstream.ledger_removed as r using (tenant_id, start)
 cross join lateral unnest(r.ids, r.times) as gone (event_id, occurred_at)
  join asked on asked.tenant_id = r.tenant_id and asked.occurred_at = gone.occurred_at and asked.event_id = gone.event_id
