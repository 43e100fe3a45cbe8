with begun as (
  insert into slipstream.archive_watermark (shard, epoch, seq) values ($1, $2, $3)
  on conflict (shard) do nothing
  returning shard, epoch, seq
)
insert into slipstream.stream_epoch (shard, epoch, began_seq, reason)
select shard, epoch, seq, 'the archive begins' from begun
