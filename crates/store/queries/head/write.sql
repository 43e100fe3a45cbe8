-- Moves the heads of tenants from `was` to `size`; one that is elsewhere stays, and is not counted.
with given as (
  select * from unnest($2::text[], $3::bigint[], $4::bigint[], $5::bytea[], $6::timestamptz[]) as given (tenant_id, was, size, peaks, latest_at)
),
moved as (
  insert into slipstream.tenant_head as head (tenant_id, version, shard, ledger_size, peaks, latest_at)
  select tenant_id, size - was, $1, size, peaks, latest_at from given order by tenant_id
  on conflict (tenant_id) do update
     set version = head.version + excluded.version, shard = excluded.shard, ledger_size = excluded.ledger_size, peaks = excluded.peaks,
         latest_at = excluded.latest_at, updated_at = now()
   where head.ledger_size = excluded.ledger_size - excluded.version
  returning 1
)
select count(*) from moved
