-- Tenants of a shard whose ledger has grown since it was signed, and what was signed last.
select head.tenant_id, head.ledger_size, head.peaks, signed.note
  from slipstream.tenant_head as head
  left join slipstream.ledger_checkpoint as signed on signed.tenant_id = head.tenant_id and signed.size = head.signed_size
 where head.shard = $1 and head.ledger_size > head.signed_size and head.tenant_id > $2
 order by head.tenant_id
 limit $3
