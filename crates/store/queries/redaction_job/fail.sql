update slipstream.redaction_job
   set state = 'failed', failure = $2, finished_at = clock_timestamp()
 where job_id = $1 and state in ('queued', 'running')
