-- The activity log in step with the log of events: what it leaves out, and how far it lags.

-- A silence of the activity log lies between two events of the log, and not between two times: whoever reads the log in its order knows it.

alter table slipstream.activity_silence add column began_seq bigint, add column ended_seq bigint;

comment on table slipstream.activity_silence is 'when the activity log was off: what lies between the events that tell of it, of exactly these times, is not shown; they are';
comment on column slipstream.activity_silence.began_seq is 'the number of its event; null until the pruner has noted it';

create policy archiver on slipstream.activity_silence to slipstream_archiver using (true) with check (true);
grant select (tenant_id, began_at), update (began_seq, ended_seq) on slipstream.activity_silence to slipstream_archiver;

-- Whether an event of the transaction's tenant that was committed is in the log: its row is published, or was long ago.
create policy told on slipstream.outbox for select using (tenant_id = slipstream.current_tenant());
create function slipstream.is_published(of_event uuid) returns boolean
  language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select not exists (select from slipstream.outbox where tenant_id = slipstream.current_tenant() and event_id = of_event and published_at is null)
$$;
revoke all on function slipstream.is_published(uuid) from public;
grant execute on function slipstream.is_published(uuid) to slipstream_api;

-- Where each shard's stream ended when the archiver looked last, and since when the archive has been behind an end that it has seen: so whoever reads the archive can tell whether it is late.
create table slipstream.archive_end (
  shard integer primary key check (shard >= 0),
  epoch bigint not null,
  seq bigint not null check (seq >= 0),
  looked_at timestamptz not null,
  behind_since timestamptz
) with (fillfactor = 50);

grant select, insert, update on slipstream.archive_end to slipstream_archiver;
grant select on slipstream.archive_end to slipstream_reader;
