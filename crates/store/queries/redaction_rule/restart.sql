-- The rules of tenant $1 that passed over events that were held.
update slipstream.redaction_rule
   set turn_at = clock_timestamp(), through_occurred_at = null, through_event_id = null, through_seq = null, held = 0
 where tenant_id = $1 and held > 0
