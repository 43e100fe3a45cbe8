-- Where the counts by day of a tenant are not what its events up to number $2 give, from $3 to before $4: the first $5, and how many there are.
with counted as (
  select n.kind, (f.day at time zone 'UTC')::date as day, slipstream.analytics_hash(n.id, n.entity_type, f.module, f.category, f.severity, f.visibility, f.concerned) as hash,
         concat_ws(' ', n.id, nullif(n.entity_type, ''), f.module, f.category, f.severity, f.visibility, f.concerned) as key, count(*) as n
    from slipstream.analytics_facts($1) as f
   cross join lateral (values ('actor', f.actor_id, ''), ('entity', f.entity_id, f.entity_type)) as n (kind, id, entity_type)
   where f.number <= $2 and f.occurred_at >= $3 and f.occurred_at < $4
   group by n.kind, f.day, n.id, n.entity_type, f.module, f.category, f.severity, f.visibility, f.concerned
),
kept as (
  select a.kind, a.day, k.hash, min(concat_ws(' ', a.id, nullif(a.entity_type, ''), a.module, a.category, a.severity, a.visibility, a.concerned)) as key,
         sum(a.count)::bigint as n, bool_and(a.hash = k.hash) as is_in_place
    from slipstream.analytics_day as a
   cross join lateral (select slipstream.analytics_hash(a.id, a.entity_type, a.module, a.category, a.severity, a.visibility, a.concerned) as hash) as k
   where a.tenant_id = $1 and a.kind in ('actor', 'entity')
     and a.day >= ($3::timestamptz at time zone 'UTC')::date and a.day < ($4::timestamptz at time zone 'UTC')::date
   group by a.kind, a.day, k.hash
)
select kind::text as kind, day::timestamp at time zone 'UTC' as bucket, coalesce(c.key, k.key) as key,
       coalesce(k.n, 0) as kept, coalesce(c.n, 0) as counted, count(*) over () as differences
  from counted as c
  full join kept as k using (kind, day, hash)
 where coalesce(k.n, 0) <> coalesce(c.n, 0) or not k.is_in_place
 order by bucket, kind, key
 limit $5
