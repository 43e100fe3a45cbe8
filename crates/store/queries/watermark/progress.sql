-- How far shard $1 is archived, and whether that is late by more than $2 seconds, or nobody has looked for $3.
select w.epoch, w.seq, w.updated_at,
       coalesce(
         e.looked_at < clock_timestamp() - make_interval(secs => $3)
           or (e.epoch = w.epoch and w.seq < e.seq and coalesce(e.behind_since, e.looked_at) < clock_timestamp() - make_interval(secs => $2)),
         false
       )
  from slipstream.archive_watermark as w
  left join slipstream.archive_end as e using (shard)
 where w.shard = $1
