select shard, epoch, seq
  from slipstream.event
 where tenant_id = $1 and event_id = $2
 order by archived_at, seq
 limit 1
