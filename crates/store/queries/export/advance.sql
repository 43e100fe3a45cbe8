update slipstream.export_job
   set rows_done = $3, bytes = $4, chunks = $5, last_occurred_at = coalesce($6, last_occurred_at), last_event_id = coalesce($7, last_event_id),
       beat_at = clock_timestamp()
 where job_id = $1 and claim = $2 and state = 'running'
