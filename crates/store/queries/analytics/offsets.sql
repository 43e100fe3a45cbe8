-- Whether the offsets of the zone $1 between $2 and $3 are whole hours, and whether they are whole quarters. No zone has ever kept an offset for less than a week.
select bool_and(local.minute = 0 and local.second = 0) as hours, bool_and(local.minute::integer % 15 = 0 and local.second = 0) as quarters
  from (select generate_series($2::timestamptz, $3, interval '7 days') union all select $3) as sample (at)
 cross join lateral (select date_trunc('hour', sample.at, 'UTC') at time zone $1 as hour) as zoned
 cross join lateral (select extract(minute from zoned.hour) as minute, extract(second from zoned.hour) as second) as local
