-- The stream of shard $1 ends at $3 in epoch $2. Behind is an archive that has not reached the end of the look before.
insert into slipstream.archive_end as had (shard, epoch, seq, looked_at) values ($1, $2, $3, clock_timestamp())
on conflict (shard) do update
  set epoch = excluded.epoch, seq = excluded.seq, looked_at = excluded.looked_at,
      behind_since = case
        when exists (select from slipstream.archive_watermark as w where w.shard = had.shard and w.epoch = had.epoch and w.seq < had.seq)
        then coalesce(had.behind_since, had.looked_at)
      end
