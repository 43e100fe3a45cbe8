-- Where events $2 of tenant $1 are; of the class `platform` only for who sees it.
select occurred_at, event_id
  from slipstream.event
 where tenant_id = $1 and event_id = any($2) and (visibility <> 'platform' or $3)
