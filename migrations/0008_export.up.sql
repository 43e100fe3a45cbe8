-- Exports that are made as jobs: what is asked for, and the file in pieces, so that every process can serve it.

-- slipstream_exporter  makes the files: the jobs of all tenants, and nothing of the archive (it reads that as slipstream_reader)
do $$
declare
  needed text := case when current_setting('server_version_num')::integer >= 160000 then 'set' else 'member' end;
begin
  begin
    if not exists (select from pg_catalog.pg_roles where rolname = 'slipstream_exporter') then
      create role slipstream_exporter nologin;
    end if;
  exception
    when duplicate_object or unique_violation then null;
  end;
  begin
    if not pg_catalog.pg_has_role(current_user, 'slipstream_exporter', needed) then
      grant slipstream_exporter to current_user;
    end if;
  exception
    when unique_violation then null;
  end;
exception
  when insufficient_privilege then
    raise exception '% may neither make nor join the role slipstream_exporter', current_user
      using errcode = 'insufficient_privilege',
            hint = format('as a superuser: create role slipstream_exporter nologin; grant slipstream_exporter to %I', current_user);
end
$$;

grant usage on schema slipstream to slipstream_exporter;

create table slipstream.export_job (
  job_id uuid primary key,
  tenant_id text collate "C" not null check (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
  owner_id text collate "C" not null,
  reach smallint not null check (reach between 0 and 2),
  format text collate "C" not null,
  end_line boolean not null,
  filters jsonb not null,
  query jsonb not null,
  shard integer not null,
  epoch bigint not null,
  seq bigint not null,
  head bigint not null,
  state text collate "C" not null default 'queued' check (state in ('queued', 'running', 'ready', 'failed', 'expired', 'removed')),
  rows_estimated bigint,
  rows_done bigint not null default 0,
  bytes bigint not null default 0,
  chunks integer not null default 0,
  last_occurred_at timestamptz,
  last_event_id uuid,
  sha256 bytea check (octet_length(sha256) = 32),
  failure text,
  attempts integer not null default 0,
  claim uuid,
  beat_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  started_at timestamptz,
  finished_at timestamptz,
  expires_at timestamptz,
  constraint export_job_ready check (state <> 'ready' or (sha256 is not null and expires_at is not null))
)
with (fillfactor = 70);

comment on column slipstream.export_job.reach is 'how far its owner sees: 2 the platform''s events too, 1 all of the tenant''s, 0 as a member of the tenant; whoever sees less may not have the file';
comment on column slipstream.export_job.query is 'what is read, with the rights of the owner at that time';
comment on column slipstream.export_job.claim is 'the worker that makes it; another one takes over when beat_at is old';
comment on column slipstream.export_job.last_occurred_at is 'the last event in the file so far: a worker that takes over goes on after it';

create index export_job_list on slipstream.export_job (tenant_id, created_at desc, job_id);
create index export_job_open on slipstream.export_job (created_at) where state in ('queued', 'running');

-- Pieces of about 1 MiB, each ending with a whole event.
create table slipstream.export_chunk (
  job_id uuid not null references slipstream.export_job (job_id) on delete cascade,
  number integer not null check (number >= 0),
  tenant_id text collate "C" not null,
  starts_at bigint not null check (starts_at >= 0),
  data bytea not null,
  primary key (job_id, number)
);

alter table slipstream.export_job enable row level security;
alter table slipstream.export_job force row level security;
alter table slipstream.export_chunk enable row level security;
alter table slipstream.export_chunk force row level security;
create policy own on slipstream.export_job to slipstream_api
  using (tenant_id = slipstream.current_tenant()) with check (tenant_id = slipstream.current_tenant());
create policy own on slipstream.export_chunk for select to slipstream_api using (tenant_id = slipstream.current_tenant());
create policy exporter on slipstream.export_job to slipstream_exporter using (true) with check (true);
create policy exporter on slipstream.export_chunk to slipstream_exporter using (true) with check (true);

grant select, insert, update (state, claim) on slipstream.export_job to slipstream_api;
grant select on slipstream.export_chunk to slipstream_api;
grant select, delete on slipstream.export_job to slipstream_exporter;
grant update (state, rows_done, bytes, chunks, last_occurred_at, last_event_id, sha256, failure, attempts, claim, beat_at, started_at, finished_at, expires_at)
  on slipstream.export_job to slipstream_exporter;
grant select, insert, delete on slipstream.export_chunk to slipstream_exporter;
