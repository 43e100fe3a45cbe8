-- Where the counts by hour of a tenant are not what its events up to number $2 give, from $3 to before $4: the first $5, and how many there are.
with counted as (
  select f.quarter, slipstream.analytics_hash(f.type, f.category, f.severity, f.visibility, f.concerned) as hash,
         concat_ws(' ', f.type, f.category, f.severity, f.visibility, f.concerned) as key, count(*) as n
    from slipstream.analytics_facts($1) as f
   where f.number <= $2 and f.occurred_at >= $3 and f.occurred_at < $4
   group by f.quarter, f.type, f.category, f.severity, f.visibility, f.concerned
),
kept as (
  select q.quarter, k.hash, min(concat_ws(' ', a.type, a.category, a.severity, a.visibility, a.concerned)) as key, sum(q.n)::bigint as n,
         bool_and(a.hash = k.hash and a.hour = date_trunc('hour', a.hour, 'UTC')) as is_in_place
    from slipstream.analytics_hour as a
   cross join lateral (select slipstream.analytics_hash(a.type, a.category, a.severity, a.visibility, a.concerned) as hash) as k
   cross join lateral (
     values (a.hour, a.q0), (a.hour + interval '15 minutes', a.q1), (a.hour + interval '30 minutes', a.q2), (a.hour + interval '45 minutes', a.q3)
   ) as q (quarter, n)
   where a.tenant_id = $1 and a.hour >= $3 and a.hour < $4 and q.n > 0
   group by q.quarter, k.hash
)
select 'hour' as kind, quarter as bucket, coalesce(c.key, k.key) as key, coalesce(k.n, 0) as kept, coalesce(c.n, 0) as counted, count(*) over () as differences
  from counted as c
  full join kept as k using (quarter, hash)
 where coalesce(k.n, 0) <> coalesce(c.n, 0) or not k.is_in_place
 order by bucket, key
 limit $5
