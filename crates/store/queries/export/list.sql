-- Jobs that a reader may know: its own, and those of owners that see no more than it does.
select *
  from slipstream.export_job
 where tenant_id = $1 and state <> 'removed' and reach <= $3 and (owner_id = $2 or $3 > 0)
   and ($4::uuid is null or job_id = $4)
 order by created_at desc, job_id
 limit $5
