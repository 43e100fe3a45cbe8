-- Keeps what a run did; of the runs of its tenant the last $6 stay.
with added as (
  insert into slipstream.retention_run (tenant_id, began_at, removed, held, report) values ($1, $2, $3, $4, $5)
  on conflict do nothing
)
delete from slipstream.retention_run
 where tenant_id = $1
   and began_at < (select began_at from slipstream.retention_run where tenant_id = $1 order by began_at desc offset $6 - 2 limit 1)
