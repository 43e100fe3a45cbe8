-- What is left of events of tenant $1, in all columns that tell of what was taken away.
update slipstream.event as e
   set payload = left_of.payload, actor_id = left_of.actor_id, actor_name = left_of.actor_name, entity_name = left_of.entity_name, message = left_of.message,
       correlation_id = left_of.correlation_id, concerned = left_of.concerned, has_changes = left_of.has_changes, redacted_at = now()
  from unnest($4::timestamptz[], $5::uuid[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::boolean[])
         as left_of (occurred_at, event_id, payload, actor_id, actor_name, entity_name, message, correlation_id, concerned, has_changes)
 where e.tenant_id = $1 and e.occurred_at >= $2 and e.occurred_at <= $3 and e.occurred_at = left_of.occurred_at and e.event_id = left_of.event_id
