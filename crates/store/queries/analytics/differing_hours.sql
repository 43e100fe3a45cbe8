-- Where the counts by hour of a tenant are not what its events up to number $2 give, from $3 to before $4: the first $5, and how many there are.
with counted as (
  select f.hour, slipstream.analytics_hash(f.type, f.category, f.severity, f.visibility, f.concerned) as hash,
         concat_ws(' ', f.type, f.category, f.severity, f.visibility, f.concerned) as key,
         count(*) filter (where f.quarter = 0) as q0, count(*) filter (where f.quarter = 1) as q1,
         count(*) filter (where f.quarter = 2) as q2, count(*) filter (where f.quarter = 3) as q3
    from slipstream.analytics_facts($1) as f
   where f.number <= $2 and f.occurred_at >= $3 and f.occurred_at < $4
   group by f.hour, f.type, f.category, f.severity, f.visibility, f.concerned
),
kept as (
  select a.hour, k.hash, min(concat_ws(' ', a.type, a.category, a.severity, a.visibility, a.concerned)) as key,
         sum(a.q0)::bigint as q0, sum(a.q1)::bigint as q1, sum(a.q2)::bigint as q2, sum(a.q3)::bigint as q3,
         bool_and(a.hash = k.hash and a.hour = date_trunc('hour', a.hour, 'UTC')) as is_in_place
    from slipstream.analytics_hour as a
   cross join lateral (select slipstream.analytics_hash(a.type, a.category, a.severity, a.visibility, a.concerned) as hash) as k
   where a.tenant_id = $1 and a.hour >= $3 and a.hour < $4
   group by a.hour, k.hash
)
select 'hour' as kind, hour + q.n * interval '15 minutes' as bucket, coalesce(c.key, k.key) as key,
       coalesce(q.kept, 0) as kept, coalesce(q.counted, 0) as counted, count(*) over () as differences
  from counted as c
  full join kept as k using (hour, hash)
 cross join lateral (values (0, k.q0, c.q0), (1, k.q1, c.q1), (2, k.q2, c.q2), (3, k.q3, c.q3)) as q (n, kept, counted)
 where coalesce(q.kept, 0) <> coalesce(q.counted, 0) or (q.n = 0 and not k.is_in_place)
 order by bucket, key
 limit $5
