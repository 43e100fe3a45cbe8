-- one scan for all four groupings; columns that a row is not about are null
select account_id, status, priority, count(*) as total,
       count(*) filter (where status in ('OPEN', 'IN_PROGRESS', 'PENDING')) as active,
       count(*) filter (where priority = 'URGENT') as urgent
  from copilot.support_tickets
 where $1::text is null or account_id = $1
 group by grouping sets ((), (account_id), (status), (priority))
 order by total desc, account_id, status, priority
