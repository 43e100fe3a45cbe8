select count(*) filter (where owner_id = $2 and not shared) as own, count(*) filter (where shared) as shared
  from slipstream.saved_view
 where tenant_id = $1
