insert into copilot.support_tickets (account_id, user_profile_id, subject, description, status, priority, assigned_to, created_by)
values ($1, $2, $3, $4, $5, $6, $7, $8)
returning id, account_id, user_profile_id, subject, description, status, priority, assigned_to, created_by, updated_by, created_at, updated_at
