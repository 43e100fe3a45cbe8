-- a null leaves its field alone; $7 says whether $8 replaces the assignee, also by null
with changed as (
  update copilot.support_tickets
     set subject = coalesce($3, subject),
         description = coalesce($4, description),
         status = coalesce($5, status),
         priority = coalesce($6, priority),
         assigned_to = case when $7 then $8 else assigned_to end,
         updated_by = coalesce($9, updated_by),
         updated_at = now()
   where ($1::text is null or account_id = $1) and id = any ($2)
  returning id, account_id, user_profile_id, subject, description, status, priority, assigned_to, created_by, updated_by, created_at, updated_at
)
select id, account_id, user_profile_id, subject, description, status, priority, assigned_to, created_by, updated_by, created_at, updated_at
  from changed
 order by id
