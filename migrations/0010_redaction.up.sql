-- Legal holds, and redaction: by request and by rule.

-- slipstream_redactor  takes parts of archived events away, and tells of it: the archive of one tenant, one transaction at a time
do $$
declare
  needed text := case when current_setting('server_version_num')::integer >= 160000 then 'set' else 'member' end;
begin
  begin
    if not exists (select from pg_catalog.pg_roles where rolname = 'slipstream_redactor') then
      create role slipstream_redactor nologin;
    end if;
  exception
    when duplicate_object or unique_violation then
      -- Made by another database at this very moment: it is there, but this session may have noted that it is not. A look, a moment later, tells it.
      perform pg_sleep(0.1);
      perform from pg_catalog.pg_roles where rolname = 'slipstream_redactor';
  end;
  begin
    if not pg_catalog.pg_has_role(current_user, 'slipstream_redactor', needed) then
      grant slipstream_redactor to current_user;
    end if;
  exception
    when unique_violation then null;
  end;
exception
  when insufficient_privilege then
    raise exception '% may neither make nor join the role slipstream_redactor', current_user
      using errcode = 'insufficient_privilege',
            hint = format('as a superuser: create role slipstream_redactor nologin; grant slipstream_redactor to %I', current_user);
end
$$;

grant usage on schema slipstream to slipstream_redactor;

-- What must stay as it is. Criteria are joined by "and"; a hold without criteria holds everything of its tenant.
create table slipstream.legal_hold (
  tenant_id text collate "C" not null check (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
  id uuid not null,
  name varchar(256) not null,
  reason varchar(500) not null,
  category text collate "C",
  entity_type text collate "C",
  entity_id text collate "C",
  actor_user_id text collate "C",
  occurred_from timestamptz,
  occurred_to timestamptz,
  placed_at timestamptz not null default clock_timestamp(),
  placed_by text collate "C" not null,
  released_at timestamptz,
  released_by text collate "C",
  release_reason varchar(500),
  primary key (tenant_id, id),
  constraint legal_hold_time check (occurred_from <= occurred_to),
  constraint legal_hold_released check ((released_at is null) = (released_by is null))
);

comment on table slipstream.legal_hold is 'while a hold is not released, what it covers is neither redacted nor removed';
create index legal_hold_list on slipstream.legal_hold (tenant_id, placed_at desc, id desc);
create index legal_hold_open on slipstream.legal_hold (tenant_id) where released_at is null;

alter table slipstream.legal_hold enable row level security;
alter table slipstream.legal_hold force row level security;
create policy account on slipstream.legal_hold to slipstream_api
  using (tenant_id = slipstream.current_tenant()) with check (tenant_id = slipstream.current_tenant());
-- The owner is bound as well: the functions below run as it.
create policy owner on slipstream.legal_hold for select to current_user using (true);
grant select, insert on slipstream.legal_hold to slipstream_api;
grant update (released_at, released_by, release_reason) on slipstream.legal_hold to slipstream_api;

-- Holds that come are waited for, from here to the end of the transaction: call it first, in a statement of its own, where events are changed or removed.
-- Who places a hold waits for such transactions in turn, so whatever is held when its placing was answered stays.
create function slipstream.heed_holds(for_tenant text) returns void
  language sql volatile set search_path = pg_catalog, pg_temp
as $$
  select pg_advisory_xact_lock_shared(1819045999, hashtext(for_tenant))
$$;

-- The holds of a tenant that are not released.
create function slipstream.open_holds(for_tenant text) returns setof slipstream.legal_hold
  language sql stable security definer rows 3 set search_path = pg_catalog, pg_temp
as $$
  select * from slipstream.legal_hold where tenant_id = for_tenant and released_at is null
$$;

-- Whether a hold covers an event with these columns. It is a part of the statement that calls it, so nothing is called for each row.
create function slipstream.hold_covers(
  hold slipstream.legal_hold, category text, entity_type text, entity_id text, actor_id text, occurred_at timestamptz
) returns boolean
  language sql immutable parallel safe
return (hold.category is null or hold.category = hold_covers.category)
   and (hold.entity_type is null or hold.entity_type = hold_covers.entity_type)
   and (hold.entity_id is null or hold.entity_id = hold_covers.entity_id)
   and (hold.actor_user_id is null or hold.actor_user_id = hold_covers.actor_id)
   and (hold.occurred_from is null or hold_covers.occurred_at >= hold.occurred_from)
   and (hold.occurred_to is null or hold_covers.occurred_at <= hold.occurred_to);

-- Whether any hold of its tenant that is not released covers an event. For single rows: it looks the holds up each time. For many rows of one tenant:
--
--   select slipstream.heed_holds($1);
--   delete from slipstream.event as e
--    where e.tenant_id = $1 and …
--      and not exists (
--        select from slipstream.open_holds($1) as hold
--         where slipstream.hold_covers(hold, e.category, e.entity_type, e.entity_id, e.actor_id, e.occurred_at)
--      );
create function slipstream.is_held(
  for_tenant text, category text, entity_type text, entity_id text, actor_id text, occurred_at timestamptz
) returns boolean
  language sql stable set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select from slipstream.open_holds(for_tenant) as hold
     where slipstream.hold_covers(hold, is_held.category, is_held.entity_type, is_held.entity_id, is_held.actor_id, is_held.occurred_at)
  )
$$;

do $$
declare
  func regprocedure;
begin
  foreach func in array array[
    'slipstream.heed_holds(text)', 'slipstream.open_holds(text)',
    'slipstream.hold_covers(slipstream.legal_hold, text, text, text, text, timestamptz)',
    'slipstream.is_held(text, text, text, text, text, timestamptz)'
  ]::regprocedure[] loop
    execute format('revoke all on function %s from public', func);
    execute format('grant execute on function %s to slipstream_redactor, slipstream_archiver, slipstream_reader', func);
  end loop;
end
$$;

-- Redactions that were asked for. One is done in many transactions; how far it has come is kept with what was done.
create table slipstream.redaction_job (
  job_id uuid primary key,
  tenant_id text collate "C" not null check (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
  ids uuid[],
  selection jsonb,
  viewer jsonb not null,
  fields text[] not null,
  reason varchar(500) not null,
  dry_run boolean not null,
  actor jsonb not null,
  correlation_id text,
  state text collate "C" not null default 'queued' check (state in ('queued', 'running', 'done', 'failed')),
  through_seq bigint,
  ids_done integer not null default 0,
  last_occurred_at timestamptz,
  last_event_id uuid,
  redacted bigint not null default 0,
  unchanged bigint not null default 0,
  held bigint not null default 0,
  exempt bigint not null default 0,
  missing bigint not null default 0,
  failure text,
  created_at timestamptz not null default clock_timestamp(),
  started_at timestamptz,
  finished_at timestamptz,
  turn_at timestamptz not null default clock_timestamp(),
  constraint redaction_job_selects check ((ids is null) <> (selection is null))
) with (fillfactor = 70);

comment on column slipstream.redaction_job.viewer is 'what its owner could see: nothing else is redacted';
comment on column slipstream.redaction_job.actor is 'who asked, for the events that tell of it';
comment on column slipstream.redaction_job.through_seq is 'where the ledger ended at the first turn: what is archived later is not looked at';

create index redaction_job_list on slipstream.redaction_job (tenant_id, created_at desc, job_id desc);
create index redaction_job_open on slipstream.redaction_job (turn_at) where state in ('queued', 'running');

-- What is to be redacted by itself, when it has reached an age.
create table slipstream.redaction_rule (
  tenant_id text collate "C" not null check (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
  id uuid not null,
  name varchar(256) not null,
  types text[] not null,
  category text collate "C",
  fields text[] not null,
  after_days integer not null check (after_days between 0 and 3650),
  enabled boolean not null,
  viewer jsonb not null,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  updated_by text collate "C" not null,
  turn_at timestamptz not null default clock_timestamp(),
  through_occurred_at timestamptz,
  through_event_id uuid,
  through_seq bigint,
  redacted bigint not null default 0,
  held bigint not null default 0,
  primary key (tenant_id, id),
  constraint redaction_rule_through check ((through_occurred_at is null) = (through_event_id is null))
) with (fillfactor = 70);

comment on column slipstream.redaction_rule.through_event_id is 'events up to this time and id were looked at, as far as they were archived with numbers up to through_seq';
comment on column slipstream.redaction_rule.turn_at is 'when it is looked at next';

create index redaction_rule_due on slipstream.redaction_rule (turn_at) where enabled;

do $$
declare
  name text;
begin
  foreach name in array array['redaction_job', 'redaction_rule'] loop
    execute format('alter table slipstream.%I enable row level security', name);
    execute format('alter table slipstream.%I force row level security', name);
    execute format('create policy account on slipstream.%I to slipstream_api using (tenant_id = slipstream.current_tenant()) with check (tenant_id = slipstream.current_tenant())', name);
    execute format('create policy redactor on slipstream.%I to slipstream_redactor using (true) with check (true)', name);
  end loop;
  -- Of the archive, and of files that were made of it, one tenant's at a time.
  foreach name in array array['event', 'ledger_batch', 'tenant_head', 'export_job', 'export_chunk'] loop
    execute format('create policy redactor on slipstream.%I to slipstream_redactor using (tenant_id = slipstream.current_tenant()) with check (tenant_id = slipstream.current_tenant())', name);
  end loop;
end
$$;

grant select, insert on slipstream.redaction_job to slipstream_api;
grant select, insert, update, delete on slipstream.redaction_rule to slipstream_api;
grant select, delete on slipstream.redaction_job to slipstream_redactor;
grant update (state, through_seq, ids_done, last_occurred_at, last_event_id, redacted, unchanged, held, exempt, missing, failure, started_at, finished_at, turn_at)
  on slipstream.redaction_job to slipstream_redactor;
grant select on slipstream.redaction_rule to slipstream_redactor;
grant update (turn_at, through_occurred_at, through_event_id, through_seq, redacted, held) on slipstream.redaction_rule to slipstream_redactor;

grant select on slipstream.event to slipstream_redactor;
grant update (payload, actor_id, actor_name, entity_name, message, correlation_id, concerned, has_changes, redacted_at) on slipstream.event to slipstream_redactor;
grant select (tenant_id, start, size, occurred_from, occurred_to, terms), update (terms) on slipstream.ledger_batch to slipstream_redactor;
grant select (tenant_id, ledger_size, version), update (version, updated_at) on slipstream.tenant_head to slipstream_redactor;
grant select (job_id, tenant_id, state, rows_done, bytes, expires_at),
      update (state, rows_done, bytes, chunks, last_occurred_at, last_event_id, sha256, claim, attempts, expires_at) on slipstream.export_job to slipstream_redactor;
grant select (job_id, tenant_id), delete on slipstream.export_chunk to slipstream_redactor;
grant execute on function slipstream.append(text, uuid[], text[], text[], text) to slipstream_redactor;
