insert into slipstream.archive_quarantine (shard, epoch, seq, subject, reason, payload)
select $1, $2, given.seq, given.subject, given.reason, given.payload
  from unnest($3::bigint[], $4::text[], $5::text[], $6::bytea[]) as given (seq, subject, reason, payload)
on conflict do nothing
