-- The piece that holds a place of the file.
select starts_at, data
  from slipstream.export_chunk
 where tenant_id = $1 and job_id = $2 and starts_at <= $3
 order by number desc
 limit 1
