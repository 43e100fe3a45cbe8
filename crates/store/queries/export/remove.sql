update slipstream.export_job
   set state = 'removed', claim = null
 where tenant_id = $1 and state <> 'removed' and reach <= $3 and (owner_id = $2 or $3 > 0) and job_id = $4
