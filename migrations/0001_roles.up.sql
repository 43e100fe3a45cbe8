-- Roles and what all other migrations build on. The schema `slipstream` itself is made before, because it holds the table of migrations.

do $$
begin
  if current_setting('server_encoding') <> 'UTF8' then
    raise exception 'the database must be encoded in UTF8, not %', current_setting('server_encoding')
      using hint = 'create it with: create database … encoding ''UTF8'' template template0';
  end if;
end
$$;

-- slipstream_api       domain tables of one account, and appending to its outbox
-- slipstream_relay     the outbox of all tenants
-- slipstream_archiver  adds to the archive; neither changes nor deletes in it
-- slipstream_reader    reads the archive of one tenant
-- slipstream_platform  domain tables of all accounts: super-admins, one transaction at a time
-- slipstream_writer    may call slipstream.emit: for the database users of products that write their own tables
--
-- Roles belong to the whole cluster: another database may have them already, or make them at this very moment.
do $$
declare
  role_name text;
  -- Since Postgres 16 a member may or may not have the right to `set role`.
  needed text := case when current_setting('server_version_num')::integer >= 160000 then 'set' else 'member' end;
begin
  foreach role_name in array array[
    'slipstream_api', 'slipstream_relay', 'slipstream_archiver', 'slipstream_reader', 'slipstream_platform', 'slipstream_writer'
  ] loop
    begin
      if not exists (select from pg_catalog.pg_roles where rolname = role_name) then
        execute format('create role %I nologin', role_name);
      end if;
    exception
      when duplicate_object or unique_violation then null;
    end;
    begin
      if not pg_catalog.pg_has_role(current_user, role_name, needed) then
        execute format('grant %I to current_user', role_name);
      end if;
    exception
      when unique_violation then null;
    end;
  end loop;
exception
  when insufficient_privilege then
    raise exception '% may neither make nor join the role %', current_user, role_name
      using errcode = 'insufficient_privilege',
            hint = format('as a superuser: create role %I nologin; grant %I to %I', role_name, role_name, current_user);
end
$$;

grant usage on schema slipstream
  to slipstream_api, slipstream_relay, slipstream_archiver, slipstream_reader, slipstream_platform, slipstream_writer;

-- The tenant of this transaction; null when none was named, which equals nothing.
-- (After a `set local` Postgres leaves an empty text behind in the session, not null.)
create function slipstream.current_tenant() returns text
  language sql stable parallel safe
  return nullif(current_setting('slipstream.tenant', true), '');
