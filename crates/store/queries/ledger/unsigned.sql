-- Tenants of a shard whose ledger has grown since it was signed, and what was signed last: the head's number only says where to look, because whoever sets it back must
-- not get a rewritten ledger signed.
select head.tenant_id, head.ledger_size, head.peaks, signed.note
  from slipstream.tenant_head as head
  left join lateral (
    select note from slipstream.ledger_checkpoint where tenant_id = head.tenant_id order by size desc limit 1
  ) as signed on true
 where head.shard = $1 and head.ledger_size > head.signed_size and head.tenant_id > $2
 order by head.tenant_id
 limit $3
