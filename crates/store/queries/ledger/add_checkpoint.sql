with added as (
  insert into slipstream.ledger_checkpoint (tenant_id, size, signed_at, key_name, note) values ($1, $2, $3, $4, $5)
  on conflict do nothing
)
update slipstream.tenant_head set signed_size = greatest(signed_size, $2) where tenant_id = $1
