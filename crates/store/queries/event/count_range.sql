select count(*)
  from slipstream.event
 where tenant_id = $1 and shard = $2 and epoch = $3 and seq > $4 and seq <= $5
