-- Which of the given events the archive holds: their places in the list, from 1. The limit keeps it at one look-up of the primary key for each.
select asked.place
  from unnest($1::text[], $2::timestamptz[], $3::uuid[]) with ordinality as asked (tenant_id, occurred_at, event_id, place)
 cross join lateral (
   select 1
     from slipstream.event
    where tenant_id = asked.tenant_id and occurred_at = asked.occurred_at and event_id = asked.event_id
    limit 1
 ) as found
