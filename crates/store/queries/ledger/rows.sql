-- The rows of a tenant with numbers after $2 up to $3, in whichever partition: a row whose time was changed is found as well.
select tenant_seq, payload, occurred_at, event_id, type, entity_type, entity_id, action, module, severity, category, visibility, concerned, actor_id, actor_name,
       entity_name, message, correlation_id, legacy_entity_type, has_changes
  from slipstream.event
 where tenant_id = $1 and tenant_seq > $2 and tenant_seq <= $3
 order by tenant_seq
