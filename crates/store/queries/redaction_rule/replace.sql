-- A rule that was changed begins anew.
update slipstream.redaction_rule
   set name = $3, types = $4, category = $5, fields = $6, after_days = $7, enabled = $8, viewer = $9, updated_by = $10, updated_at = clock_timestamp(),
       turn_at = clock_timestamp(), through_occurred_at = null, through_event_id = null, through_seq = null, redacted = 0, held = 0
 where tenant_id = $1 and id = $2
returning *
