-- The ledger's batches stay few: many small ones become one, and those whose filter a redaction took away get another.

-- What there is to do is found without reading the rest.
create index ledger_batch_small on slipstream.ledger_batch (tenant_id, start) where size < 1024 or terms is null;

-- Makes the current tenant's batches of the numbers `after` + 1 to `through` one, with the filter `filter` (null: unknown). What the ledger proves stays as it is: the leaves are put one
-- behind the other. They have to be whole, without a gap between them, and of one shard and epoch; else nothing changes, and the error is one after which to look again.
create function slipstream.join_ledger_batches(after bigint, through bigint, filter bytea) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  joined record;
begin
  -- Should the server stop before this is on disk, the batches are as they were, and become one later.
  perform set_config('synchronous_commit', 'off', true);
  with gone as (
    delete from slipstream.ledger_batch as b where b.tenant_id = slipstream.current_tenant() and b.start >= after and b.start < through
    returning *
  ),
  placed as (
    select *, start + size = lead(start, 1, through) over (order by start) and start >= after as is_whole from gone
  )
  select min(start) as start, bool_and(is_whole) as is_whole, count(distinct (shard, epoch)) as logs, min(shard) as shard, min(epoch) as epoch, min(first_seq) as first_seq,
         max(last_seq) as last_seq, min(occurred_from) as occurred_from, max(occurred_to) as occurred_to, max(archived_at) as archived_at,
         string_agg(leaves, ''::bytea order by start) as leaves
    into joined
    from placed;
  if joined.start is distinct from after or not joined.is_whole or joined.logs <> 1 then
    raise exception 'the batches of the numbers % to % are not as they were', after + 1, through using errcode = 'serialization_failure';
  end if;
  insert into slipstream.ledger_batch (tenant_id, start, size, shard, epoch, first_seq, last_seq, occurred_from, occurred_to, archived_at, leaves, terms)
  values (slipstream.current_tenant(), after, through - after, joined.shard, joined.epoch, joined.first_seq, joined.last_seq, joined.occurred_from, joined.occurred_to, joined.archived_at,
          joined.leaves, filter);
end
$$;
revoke all on function slipstream.join_ledger_batches(bigint, bigint, bytea) from public;
grant execute on function slipstream.join_ledger_batches(bigint, bigint, bytea) to slipstream_redactor;

-- What never got a number, between two places of a shard's log (both included): messages that left the broker before they were archived, which were anybody's, and messages of the
-- current tenant that are no events. For an auditor to whom "nothing is missing" is said; what the messages hold is not shown. At most 100 are listed.
drop function slipstream.archive_losses(text, integer, bigint, bigint, bigint, bigint);
create function slipstream.archive_losses(of_shard integer, from_epoch bigint, from_seq bigint, to_epoch bigint, to_seq bigint)
  returns table (epoch bigint, seq bigint, is_hole boolean, reason text)
  language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select q.epoch, q.seq, q.subject = '', case when q.subject = '' then q.reason else 'a message that is no event' end
    from slipstream.archive_quarantine as q
   where q.shard = of_shard and (q.epoch, q.seq) >= (from_epoch, from_seq) and (q.epoch, q.seq) <= (to_epoch, to_seq)
     and (q.subject = '' or split_part(q.subject, '.', 2) = slipstream.current_tenant())
   order by q.epoch, q.seq
   limit 100
$$;
revoke all on function slipstream.archive_losses(integer, bigint, bigint, bigint, bigint) from public;
grant execute on function slipstream.archive_losses(integer, bigint, bigint, bigint, bigint) to slipstream_reader;

-- Answers to requests with a key are kept in slipstream.request_key, whatever was asked.
drop table slipstream.activity_answer;
