-- How far the counts of all tenants go together.
select 0::bigint as version, coalesce(sum(h.ledger_size), 0)::bigint as size, coalesce(sum(a.folded_size), 0)::bigint as folded
  from slipstream.tenant_head as h
  left join slipstream.analytics_head as a on a.tenant_id = h.tenant_id
