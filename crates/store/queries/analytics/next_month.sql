-- The earliest time from $2 on at which a tenant has an event or a count.
select min(at)
  from (
    select min(occurred_at) as at from slipstream.event where tenant_id = $1 and occurred_at >= coalesce($2, '-infinity')
    union all
    select min(hour) from slipstream.analytics_hour where tenant_id = $1 and hour >= coalesce($2, '-infinity')
    union all
    select (select min(day) from slipstream.analytics_day
             where tenant_id = $1 and kind = kinds.kind and day >= coalesce(($2 at time zone 'UTC')::date, '-infinity'))::timestamp at time zone 'UTC'
      from (values ('actor'), ('entity')) as kinds (kind)
  ) as earliest
