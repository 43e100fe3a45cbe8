-- The rows of a tenant with numbers after $2 up to $3, in whichever partition: a row whose time was changed is found as well. Beyond the ledger's size $4 only those that it does
-- not hold by now either: what is archived while it is read is none of them.
select tenant_seq, payload, occurred_at, event_id, type, entity_type, entity_id, action, module, severity, category, visibility, concerned, actor_id, actor_name,
       entity_name, message, correlation_id, legacy_entity_type, has_changes
  from slipstream.event
 where tenant_id = $1 and tenant_seq > $2 and tenant_seq <= $3
   and (tenant_seq <= $4 or tenant_seq > (select ledger_size from slipstream.tenant_head where tenant_id = $1))
 order by tenant_seq
