-- How many events of tenant $1 are stored and how many were removed, and when the oldest that is stored happened; always one row.
select greatest(coalesce(h.ledger_size - h.removed, 0), 0) as stored, coalesce(h.removed, 0) as removed,
       (select e.occurred_at from slipstream.event as e where e.tenant_id = t.tenant_id order by e.occurred_at, e.event_id limit 1) as oldest
  from (select $1::text collate "C" as tenant_id) as t
  left join slipstream.tenant_head as h on h.tenant_id = t.tenant_id
