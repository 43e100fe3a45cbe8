delete from slipstream.request_key
 where tenant_id = $1 and created_at < now() - interval '1 day'
