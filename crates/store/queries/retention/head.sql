update slipstream.tenant_head
   set version = version + $2, removed = removed + $2, removed_to = greatest(removed_to, $3), updated_at = now()
 where tenant_id = $1
