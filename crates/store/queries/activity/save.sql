update slipstream.activity_settings
   set enabled = $2, max_days = $3, max_entries = $4, prune_due = true
 where tenant_id = $1
