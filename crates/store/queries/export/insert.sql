insert into slipstream.export_job (
  job_id, tenant_id, owner_id, reach, format, end_line, filters, query, shard, epoch, seq, head, rows_estimated
)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
returning *
