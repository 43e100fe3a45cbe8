select id, account_id, name, email, profile_image, is_active
  from copilot.users
 where ($1::text is null or account_id = $1) and id = any ($2)
