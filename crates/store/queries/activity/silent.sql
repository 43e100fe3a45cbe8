-- How many events with numbers above $2 happened while the log was off.
select count(*)
  from slipstream.activity_silence as s
  join slipstream.event as e
    on e.tenant_id = s.tenant_id and e.occurred_at > s.began_at and e.occurred_at < coalesce(s.ended_at, 'infinity')
 where s.tenant_id = $1 and e.tenant_seq > $2
