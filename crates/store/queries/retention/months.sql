-- Months with a partition of their own that are over, the oldest first.
select to_date(substring(c.relname from 'event_(\d{4}_\d{2})$'), 'YYYY_MM') as month
  from pg_inherits as i
  join pg_class as c on c.oid = i.inhrelid
 where i.inhparent = 'slipstream.event'::regclass and c.relname ~ '^event_\d{4}_\d{2}$'
   and to_date(substring(c.relname from 'event_(\d{4}_\d{2})$'), 'YYYY_MM') < date_trunc('month', now() at time zone 'UTC')::date
 order by month
