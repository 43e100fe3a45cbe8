update slipstream.activity_settings
   set cleared_seq = greatest(cleared_seq, $2), cleared_event = $3, cleared_at = $4
 where tenant_id = $1
