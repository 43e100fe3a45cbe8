insert into slipstream.redaction_rule (tenant_id, id, name, types, category, fields, after_days, enabled, viewer, updated_by)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
returning *
