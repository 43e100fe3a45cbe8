-- Tenants that have rules; with $1 all that have an archive.
insert into slipstream.retention_state (tenant_id)
select tenant_id from slipstream.retention_rule
union
select tenant_id from slipstream.tenant_head where $1
on conflict do nothing
