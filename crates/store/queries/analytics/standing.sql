-- How far a tenant's counts go; always one row.
select coalesce(h.version, 0) as version, coalesce(h.ledger_size, 0) as size, coalesce(a.folded_size, 0) as folded
  from (select $1::text collate "C" as tenant_id) as t
  left join slipstream.tenant_head as h on h.tenant_id = t.tenant_id
  left join slipstream.analytics_head as a on a.tenant_id = t.tenant_id
