insert into slipstream.saved_view (tenant_id, owner_id, name, query, shared)
values ($1, $2, $3, $4, $5)
returning id, owner_id, name, query, shared, version, created_at, updated_at
