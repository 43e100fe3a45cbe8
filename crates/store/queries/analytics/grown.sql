-- Tenants with events that are not counted yet, in order, after $1: how many these are, and since when the first of them is archived.
select h.tenant_id, h.ledger_size - coalesce(a.folded_size, 0) as waiting, extract(epoch from clock_timestamp() - first.archived_at)::float8 as seconds
  from slipstream.tenant_head as h
  left join slipstream.analytics_head as a on a.tenant_id = h.tenant_id
  left join lateral (
    select b.archived_at
      from slipstream.ledger_batch as b
     where b.tenant_id = h.tenant_id and b.start <= coalesce(a.folded_size, 0)
     order by b.start desc
     limit 1
  ) as first on true
 where h.ledger_size > coalesce(a.folded_size, 0) and h.tenant_id > $1
 order by h.tenant_id
 limit $2
