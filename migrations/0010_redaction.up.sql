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
