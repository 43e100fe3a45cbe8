-- Jobs without pieces: the removed, and the expired after so many seconds more.
delete from slipstream.export_job as job
 where (job.state = 'removed' or (job.state = 'expired' and job.expires_at < clock_timestamp() - make_interval(secs => $1)))
   and not exists (select from slipstream.export_chunk as chunk where chunk.job_id = job.job_id)
