-- Tenants whose next run may begin, or has begun; the one that waits longest first.
select tenant_id
  from slipstream.retention_state
 where due_at <= clock_timestamp()
 order by due_at, tenant_id
 limit $1
