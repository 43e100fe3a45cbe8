update slipstream.redaction_rule
   set through_occurred_at = $3, through_event_id = $4, through_seq = $5, redacted = redacted + $6, held = held + $7,
       turn_at = clock_timestamp() + make_interval(secs => $8)
 where tenant_id = $1 and id = $2
