with forgotten as (
  delete from slipstream.activity_answer where tenant_id = $1 and created_at < clock_timestamp() - interval '1 day'
)
insert into slipstream.activity_answer (tenant_id, key, request, answer) values ($1, $2, $3, $4)
