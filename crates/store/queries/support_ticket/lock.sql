-- In the order of ids, so that two transactions that lock the same rows wait for each other and never both.
select id, account_id, user_profile_id, subject, description, status, priority, assigned_to, created_by, updated_by, created_at, updated_at
  from copilot.support_tickets
 where ($1::text is null or account_id = $1) and id = any ($2)
 order by id
   for update
