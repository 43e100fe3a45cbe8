-- Files of tenant $1 that may hold events as they were: those that are ready can be fetched no longer, those in the making begin anew.
with jobs as (
  update slipstream.export_job
     set state = case state when 'ready' then 'expired' else 'queued' end,
         rows_done = case state when 'ready' then rows_done else 0 end, bytes = case state when 'ready' then bytes else 0 end, chunks = 0,
         last_occurred_at = null, last_event_id = null, sha256 = null, claim = null, attempts = 0, expires_at = least(expires_at, clock_timestamp())
   where tenant_id = $1 and state in ('ready', 'running')
  returning job_id
)
delete from slipstream.export_chunk as chunk
 using jobs
 where chunk.tenant_id = $1 and chunk.job_id = jobs.job_id
