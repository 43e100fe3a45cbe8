select epoch, max(seq) as last_seq, count(*) as rows
  from slipstream.outbox
 where published_at is not null and shard = $1
 group by epoch
 order by epoch
