-- Tenants with an archive, in order, after $1.
select h.tenant_id
  from slipstream.tenant_head as h
 where h.tenant_id > $1
 order by h.tenant_id
 limit $2
