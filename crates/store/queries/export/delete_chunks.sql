-- Pieces that nobody may have any more, a few at a time.
delete from slipstream.export_chunk
 where (job_id, number) in (
   select chunk.job_id, chunk.number
     from slipstream.export_job as job
     join slipstream.export_chunk as chunk using (job_id)
    where job.state in ('failed', 'expired', 'removed')
    limit $1
 )
