select tenant_id, ledger_size, peaks, latest_at
  from slipstream.tenant_head
 where tenant_id = any($1)
