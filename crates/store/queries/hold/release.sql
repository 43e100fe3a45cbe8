update slipstream.legal_hold
   set released_at = $3, released_by = $4, release_reason = $5
 where tenant_id = $1 and id = $2 and released_at is null
