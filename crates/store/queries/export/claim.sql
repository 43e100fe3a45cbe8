-- The oldest job that nobody makes: new, or left by a worker that was not heard of for so many seconds.
with next as (
  select job_id
    from slipstream.export_job
   where state = 'queued' or (state = 'running' and beat_at < clock_timestamp() - make_interval(secs => $2))
   order by created_at
   limit 1
     for update skip locked
)
update slipstream.export_job as job
   set state = 'running', claim = $1, beat_at = clock_timestamp(), attempts = job.attempts + 1, started_at = coalesce(job.started_at, clock_timestamp())
  from next
 where job.job_id = next.job_id
returning job.*
