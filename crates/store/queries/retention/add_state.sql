-- Adds the state of tenant $1, unless it is there: then nobody is waited for who has locked it.
insert into slipstream.retention_state (tenant_id)
select $1
 where not exists (select from slipstream.retention_state where tenant_id = $1)
on conflict do nothing
