-- Through where an epoch of a shard is archived, and after where without a hole; no row for an unknown epoch.
select coalesce(e.closed_seq, w.seq), e.began_seq
  from slipstream.stream_epoch as e
  join slipstream.archive_watermark as w using (shard)
 where e.shard = $1 and e.epoch = $2 and (e.closed_seq is not null or w.epoch = e.epoch)
