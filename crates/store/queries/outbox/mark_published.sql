update slipstream.outbox as o
   set published_at = clock_timestamp(), shard = ack.shard, epoch = ack.epoch, seq = ack.seq, set_aside_at = null, last_error = null
  from unnest($1::bigint[], $2::integer[], $3::bigint[], $4::bigint[]) as ack (id, shard, epoch, seq)
 where o.id = ack.id
