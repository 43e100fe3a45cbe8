select began_at, ended_at, removed, held, report
  from slipstream.retention_run
 where tenant_id = $1
 order by began_at desc
 limit $2
