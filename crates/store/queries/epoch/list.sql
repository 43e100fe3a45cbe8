select e.epoch, coalesce(e.closed_seq, w.seq), e.closed_seq is not null
  from slipstream.stream_epoch as e
  join slipstream.archive_watermark as w using (shard)
 where e.shard = $1
 order by e.closed_seq is null, e.began_at, e.epoch
