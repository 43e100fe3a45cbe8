-- the same conditions as list.sql, without its place in the order
select count(*)
  from copilot.support_tickets
 where ($1::text is null or account_id = $1)
   and ($2::text is null or user_profile_id = $2)
   and ($3::text is null or status = $3)
   and ($4::text is null or priority = $4)
   and (not $5::boolean or assigned_to is null)
   and ($6::text is null or assigned_to = $6)
   and ($7::text is null or subject ilike $7 or description ilike $7)
