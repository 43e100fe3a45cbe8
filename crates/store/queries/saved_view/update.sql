update slipstream.saved_view
   set name = $3, query = $4, shared = $5, version = version + 1, updated_at = now()
 where tenant_id = $1 and id = $2
returning id, owner_id, name, query, shared, version, created_at, updated_at
