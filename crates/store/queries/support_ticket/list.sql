-- $1 account, or null for all; a null filter asks for all
select id, account_id, user_profile_id, subject, description, status, priority, assigned_to, created_by, updated_by, created_at, updated_at
  from copilot.support_tickets
 where ($1::text is null or account_id = $1)
   and ($2::text is null or user_profile_id = $2)
   and ($3::text is null or status = $3)
   and ($4::text is null or priority = $4)
   and (not $5::boolean or assigned_to is null)
   and ($6::text is null or assigned_to = $6)
   and ($7::text is null or subject ilike $7 or description ilike $7)
   and ($10::timestamptz is null or (created_at, id) < ($10, $11))
 order by created_at desc, id desc
 limit $8 offset $9
