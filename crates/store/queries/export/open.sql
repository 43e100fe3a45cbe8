-- Jobs that are not done: of one owner, and of all.
select count(*) filter (where owner_id = $2), count(*)
  from slipstream.export_job
 where tenant_id = $1 and state in ('queued', 'running')
