insert into slipstream.redaction_job (job_id, tenant_id, ids, selection, viewer, fields, reason, dry_run, actor, correlation_id)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
returning *
