select id, tenant_id, event_id, type, payload, traceparent, created_at, attempts, coalesce(last_error, '') as last_error, set_aside_at
  from slipstream.outbox
 where set_aside_at is not null and published_at is null
 order by id
 limit $1
