delete from copilot.support_tickets
 where ($1::text is null or account_id = $1) and id = $2
returning id, account_id, user_profile_id, subject, description, status, priority, assigned_to, created_by, updated_by, created_at, updated_at
