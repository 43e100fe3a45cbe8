-- What decides which part of a tenant's archive its activity log shows; always one row.
select s.enabled, s.max_days, s.max_entries, s.cleared_seq, s.pruned_seq,
       coalesce(h.version, 0) as version, coalesce(h.ledger_size, 0) as ledger_size,
       -- Once the event of the last clearing is archived, everything before it is cleared, also what was on its way then.
       (select e.tenant_seq - 1
          from slipstream.event as e
         where e.tenant_id = s.tenant_id and e.occurred_at = s.cleared_at and e.event_id = s.cleared_event) as before_clearing
  from (select $1::text collate "C" as tenant_id) as t
  left join slipstream.activity_settings as s on s.tenant_id = t.tenant_id
  left join slipstream.tenant_head as h on h.tenant_id = t.tenant_id
