-- In the order of the primary key: the oldest rows come first, and nearly all of them qualify.
delete from slipstream.outbox
 where id in (
   select id from slipstream.outbox where published_at < clock_timestamp() - make_interval(secs => $1) order by id limit $2
 )
