update slipstream.archive_watermark
   set epoch = $2, seq = $3, updated_at = clock_timestamp()
 where shard = $1
returning epoch, seq, updated_at
