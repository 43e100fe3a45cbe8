-- Keeps where a tenant's retention stands; the next run may begin in $3 seconds (0: the one at hand goes on).
update slipstream.retention_state
   set progress = $2, updated_at = clock_timestamp(), due_at = case when $3 > 0 then clock_timestamp() + make_interval(secs => $3) else due_at end
 where tenant_id = $1
