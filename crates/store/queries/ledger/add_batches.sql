insert into slipstream.ledger_batch (shard, epoch, tenant_id, start, size, first_seq, last_seq, occurred_from, occurred_to, leaves, terms)
select $1, $2, given.*
  from unnest($3::text[], $4::bigint[], $5::integer[], $6::bigint[], $7::bigint[], $8::timestamptz[], $9::timestamptz[], $10::bytea[], $11::bytea[]) as given
