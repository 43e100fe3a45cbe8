-- Whether retention removed events of tenant $1 from shard $2 and epoch $3, after $4 up to $5.
select exists (
  select from slipstream.ledger_removed as r
   where r.tenant_id = $1 and r.shard = $2 and r.epoch = $3 and r.last_seq > $4 and r.first_seq <= $5
     and exists (select from unnest(r.seqs) as seq where seq > $4 and seq <= $5)
)
