-- The times that are not shown, of those that reach into what is shown, the latest first.
select began_at, ended_at
  from slipstream.activity_silence
 where tenant_id = $1 and (ended_at is null or ended_at > $2)
 order by began_at desc
 limit $3
