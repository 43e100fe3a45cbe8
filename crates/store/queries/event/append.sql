-- Inserts the events that are not there yet, and counts them for their tenants. Returns their number.
-- Rows of a tenant's ledger and rollups belong into this statement's place in the transaction: after the insert, from what was inserted.
with inserted as (
  insert into slipstream.event (
    shard, epoch, seq, tenant_id, occurred_at, event_id, type, entity_type, entity_id, action, module, severity, category, visibility,
    concerned, actor_id, actor_name, entity_name, message, correlation_id, legacy_entity_type, has_changes, payload, leaf_hash
  )
  select $1, $2, given.*
    from unnest(
      $3::bigint[], $4::text[], $5::timestamptz[], $6::uuid[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[],
      $14::text[], $15::text[], $16::text[], $17::text[], $18::text[], $19::text[], $20::text[], $21::text[], $22::boolean[], $23::text[], $24::bytea[]
    ) as given
  on conflict do nothing
  returning tenant_id
),
heads as (
  insert into slipstream.tenant_head as head (tenant_id, version)
  select tenant_id, count(*) from inserted group by tenant_id order by tenant_id
  on conflict (tenant_id) do update set version = head.version + excluded.version, updated_at = now()
)
select count(*) from inserted
