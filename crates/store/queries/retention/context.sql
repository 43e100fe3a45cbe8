-- What decides about tenant $1 beside its rules; always one row. What was archived within the last $2 seconds is not settled.
select coalesce(h.ledger_size, 0) as size, slipstream.archived_before($1, clock_timestamp() - make_interval(secs => $2)) as settled,
       a.enabled, a.max_days, a.max_entries, greatest(a.cleared_seq, a.pruned_seq) as log_after
  from (select $1::text collate "C" as tenant_id) as t
  left join slipstream.tenant_head as h on h.tenant_id = t.tenant_id
  left join slipstream.activity_settings as a on a.tenant_id = t.tenant_id
