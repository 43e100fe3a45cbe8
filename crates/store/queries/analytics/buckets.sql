-- The begins of all steps $4 of the zone $3 that hold a part of the time from $1 to $2.
select at
  from (
    select first + n * interval '1 hour' as at
      from (select $1::timestamptz - make_interval(mins => extract(minute from $1::timestamptz at time zone $3)::integer) as first) as begun
     cross join generate_series(0, 24 * (extract(epoch from $2::timestamptz - $1) / 86400 + 1)::integer) as n
     where $4 = 'hour'
    union all
    select local at time zone $3
      from generate_series(date_trunc($4, $1::timestamptz at time zone $3), $2::timestamptz at time zone $3, ('1 ' || $4)::interval) as local
     where $4 <> 'hour'
  ) as begins
 where at < $2
 order by at
