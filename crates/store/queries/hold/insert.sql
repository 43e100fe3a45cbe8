insert into slipstream.legal_hold (tenant_id, id, name, reason, category, entity_type, entity_id, actor_user_id, occurred_from, occurred_to, placed_at, placed_by)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
