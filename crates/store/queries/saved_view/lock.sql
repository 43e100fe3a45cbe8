select id, owner_id, name, query, shared, version, created_at, updated_at
  from slipstream.saved_view
 where tenant_id = $1 and id = $3 and (shared or owner_id = $2)
   for update
