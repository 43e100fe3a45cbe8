select tenant_seq, visibility, concerned
  from slipstream.event
 where tenant_id = $1 and event_id = $2
 order by tenant_seq
 limit 1
