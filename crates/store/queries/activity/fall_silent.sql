insert into slipstream.activity_silence (tenant_id, began_at)
select $1, $2
 where (select count(*) from slipstream.activity_silence where tenant_id = $1) < $3
