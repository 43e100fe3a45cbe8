-- Which numbers are not shown: those between the events that tell of a silence, of those silences that end above number $2; the earliest first. An end that is not there is not archived yet.
select s.began_at, coalesce(s.began_seq, began.tenant_seq) as began_seq, coalesce(s.ended_seq, ended.tenant_seq) as ended_seq,
       greatest(s.began_at, case when coalesce(s.ended_seq, ended.tenant_seq) is not null then s.ended_at end) as turned_at,
       began.tenant_seq is not null or ended.tenant_seq is not null as is_news
  from slipstream.activity_silence as s
  left join lateral (
    select e.tenant_seq from slipstream.event as e
     where s.began_seq is null and e.tenant_id = s.tenant_id and e.occurred_at = s.began_at and e.type = 'activity.log.disabled'
  ) as began on true
  left join lateral (
    select e.tenant_seq from slipstream.event as e
     where s.ended_seq is null and e.tenant_id = s.tenant_id and e.occurred_at = s.ended_at and e.type = 'activity.log.enabled'
  ) as ended on true
 where s.tenant_id = $1
   and (s.ended_seq is null or s.ended_seq > $2)
   and coalesce(s.began_seq, began.tenant_seq) is not null
 order by s.began_at
