create table slipstream.activity_answer (
  tenant_id text collate "C" not null check (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
  key text collate "C" not null check (length(key) <= 256),
  request bytea not null check (octet_length(request) = 32),
  answer jsonb not null,
  created_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, key)
);
comment on column slipstream.activity_answer.request is 'SHA-256 of what was asked: the same key with another request is refused';
alter table slipstream.activity_answer enable row level security;
alter table slipstream.activity_answer force row level security;
create policy account on slipstream.activity_answer to slipstream_api using (tenant_id = slipstream.current_tenant()) with check (tenant_id = slipstream.current_tenant());
grant select, insert, delete on slipstream.activity_answer to slipstream_api;

drop function slipstream.archive_losses(integer, bigint, bigint, bigint, bigint);
create function slipstream.archive_losses(for_tenant text, of_shard integer, from_epoch bigint, from_seq bigint, to_epoch bigint, to_seq bigint)
  returns table (epoch bigint, seq bigint, is_hole boolean, reason text)
  language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select q.epoch, q.seq, q.subject = '', case when q.subject = '' then q.reason else 'a message that is no event' end
    from slipstream.archive_quarantine as q
   where q.shard = of_shard and (q.epoch, q.seq) >= (from_epoch, from_seq) and (q.epoch, q.seq) <= (to_epoch, to_seq)
     and (q.subject = '' or split_part(q.subject, '.', 2) = for_tenant)
   order by q.epoch, q.seq
   limit 100
$$;
revoke all on function slipstream.archive_losses(text, integer, bigint, bigint, bigint, bigint) from public;
grant execute on function slipstream.archive_losses(text, integer, bigint, bigint, bigint, bigint) to slipstream_reader;

drop function slipstream.join_ledger_batches(bigint, bigint, bytea);
drop index slipstream.ledger_batch_small;
