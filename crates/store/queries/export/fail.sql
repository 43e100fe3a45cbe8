update slipstream.export_job
   set state = 'failed', failure = $3, claim = null, finished_at = clock_timestamp(), expires_at = clock_timestamp() + make_interval(secs => $4)
 where job_id = $1 and claim = $2 and state = 'running'
