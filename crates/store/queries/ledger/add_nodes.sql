insert into slipstream.ledger_node (tenant_id, level, index, hash)
select given.* from unnest($1::text[], $2::smallint[], $3::bigint[], $4::bytea[]) as given
on conflict do nothing
