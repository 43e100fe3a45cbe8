-- The redactions of tenant $1, newest first, after the one with the id $2.
select *
  from slipstream.redaction_job
 where tenant_id = $1
   and ($2::uuid is null or (created_at, job_id) < (select created_at, job_id from slipstream.redaction_job where tenant_id = $1 and job_id = $2))
 order by created_at desc, job_id desc
 limit $3
