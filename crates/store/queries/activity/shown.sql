-- What decides which part of a tenant's archive its activity log shows; always one row.
select s.enabled, s.max_days, s.max_entries, s.cleared_seq, s.pruned_seq,
       coalesce(h.version, 0) as version, coalesce(h.ledger_size, 0) as ledger_size,
       s.cleared_at, s.updated_at,
       -- Null until the event of the last clearing is archived.
       coalesce(
         (select e.tenant_seq
            from slipstream.event as e
           where e.tenant_id = s.tenant_id and e.occurred_at = s.cleared_at and e.event_id = s.cleared_event),
         -- Retention may have removed it since.
         (select gone.number
            from slipstream.ledger_removed as r
           cross join lateral unnest(r.ids, r.times, r.numbers) as gone (event_id, occurred_at, number)
           where r.tenant_id = s.tenant_id and r.occurred_from <= s.cleared_at and r.occurred_from > s.cleared_at - interval '1 day' and r.occurred_to >= s.cleared_at
             and gone.event_id = s.cleared_event and gone.occurred_at = s.cleared_at
           limit 1)
       ) as clearing_seq
  from (select $1::text collate "C" as tenant_id) as t
  left join slipstream.activity_settings as s on s.tenant_id = t.tenant_id
  left join slipstream.tenant_head as h on h.tenant_id = t.tenant_id
