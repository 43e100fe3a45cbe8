-- The outbox for writers in other languages: slipstream.emit(tenant, type, entity_id, …) inside the transaction of the change.
--
--   begin;
--   update fleet.aircraft set status = 'grounded' where id = 'D-ABCD';
--   select slipstream.emit('acme', 'fleet.aircraft.grounded', 'D-ABCD', '{"reason": "bird strike"}', actor_id => 'u-17', actor_kind => 'user');
--   commit;

-- A UUIDv7: 48 bits of milliseconds, then a random UUIDv4 whose version is changed from 4 to 7.
create function slipstream.uuid7() returns uuid
  language sql volatile parallel safe set search_path = pg_catalog, pg_temp
as $$
  select encode(
    set_bit(set_bit(overlay(uuid_send(gen_random_uuid()) placing substring(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3) from 1 for 6),
      52, 1), 53, 1), 'hex')::uuid
$$;

-- The JSON text without insignificant white space.
create function slipstream.compact_json(value jsonb) returns text
  language sql immutable strict parallel safe set search_path = pg_catalog, pg_temp
as $$
  select regexp_replace(value::text, '("(?:[^"\\]|\\.)*")|\s+', '\1', 'g')
$$;

-- Refuses a text that is empty, too long, or holds control characters. Null passes.
create function slipstream.check_text(field text, value text, length_max integer) returns void
  language plpgsql immutable parallel safe set search_path = pg_catalog, pg_temp
as $$
begin
  if value = '' or length(value) > length_max or value ~ '[\u0001-\u001f\u007f-\u009f]' then
    raise exception '% must be 1 to % characters without control characters', field, length_max using errcode = 'invalid_parameter_value';
  end if;
end
$$;

-- Refuses what is no JSON object, nests 17 levels or has more than 256 keys. Null passes.
create function slipstream.check_object(field text, value jsonb) returns void
  language plpgsql immutable parallel safe set search_path = pg_catalog, pg_temp
as $$
begin
  if jsonb_typeof(value) <> 'object' then
    raise exception '% must be a JSON object', field using errcode = 'invalid_parameter_value';
  elsif jsonb_path_exists(value, 'strict $.**{16 to last} ? (@.type() == "object" || @.type() == "array")') then
    raise exception '% must be nested at most 16 deep', field using errcode = 'invalid_parameter_value';
  elsif (select count(*) from jsonb_object_keys(value)) > 256 then
    raise exception '% must hold at most 256 keys', field using errcode = 'invalid_parameter_value';
  end if;
end
$$;

-- `,"key":"text"`, or nothing for null.
create function slipstream.json_member(key text, value text) returns text
  language sql immutable parallel safe set search_path = pg_catalog, pg_temp
as $$
  select coalesce(',"' || key || '":' || to_json(value)::text, '')
$$;

-- Appends one event to the outbox of `tenant`, in the transaction of the caller: it is published when, and only when, that commits.
-- Call it as the last step of the transaction, since it makes other writers of the tenant wait until the end of it. Returns the id of the event.
-- The transaction belongs to that tenant from here on; in one that belongs to another it is refused.
-- Types are not held to the registry: their names and metadata are the writer's duty.
create function slipstream.emit(
  tenant text,
  type text,
  entity_id text,
  metadata jsonb default '{}',
  actor_id text default 'system',
  actor_name text default null,
  actor_department text default null,
  actor_kind text default 'system',
  on_behalf_of text default null,
  severity text default 'info',
  category text default 'entity',
  visibility text default 'tenant',
  entity_name text default null,
  message text default null,
  correlation_id text default null,
  batch_id text default null,
  changes jsonb default null,
  occurred_at timestamptz default null,
  id uuid default null,
  traceparent text default null
) returns uuid
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  event_id uuid := coalesce(emit.id, slipstream.uuid7());
  happened timestamptz := coalesce(emit.occurred_at, clock_timestamp());
  module text := split_part(type, '.', 1);
  rest text;
  payload text;
begin
  if coalesce(tenant !~ '^[A-Za-z0-9_-]{1,64}$', true) then
    raise exception 'tenant must be 1 to 64 characters of A-Z, a-z, 0-9, _ and -' using errcode = 'invalid_parameter_value';
  elsif coalesce(type !~ '^[a-z0-9_]+(\.[a-z0-9_]+){2,4}$' or length(type) > 200, true) then
    raise exception 'type must be <module>.<entity>.<action>: 3 to 5 tokens of a-z, 0-9 and _, joined by dots' using errcode = 'invalid_parameter_value';
  elsif entity_id is null or metadata is null or actor_id is null then
    raise exception 'entity_id, metadata and actor_id must not be null' using errcode = 'invalid_parameter_value';
  elsif coalesce(actor_kind not in ('user', 'service', 'agent', 'system'), true) then
    raise exception 'actor_kind must be user, service, agent or system' using errcode = 'invalid_parameter_value';
  elsif coalesce(severity not in ('info', 'warning', 'error', 'critical'), true) then
    raise exception 'severity must be info, warning, error or critical' using errcode = 'invalid_parameter_value';
  elsif coalesce(category not in ('auth', 'device', 'entity', 'capture', 'system'), true) then
    raise exception 'category must be auth, device, entity, capture or system' using errcode = 'invalid_parameter_value';
  elsif coalesce(visibility !~ '^(tenant|quality|subject|external|admin|platform|department:.+)$', true) then
    raise exception 'visibility must be tenant, department:<name>, quality, subject, external, admin or platform' using errcode = 'invalid_parameter_value';
  elsif happened > clock_timestamp() + interval '5 minutes' or happened < timestamptz '1900-01-01 00:00:00+00' then
    raise exception 'occurred_at must be after 1900 and at most 5 minutes in the future' using errcode = 'invalid_parameter_value';
  end if;
  perform slipstream.check_text('entity_id', entity_id, 256), slipstream.check_text('actor_id', actor_id, 256),
          slipstream.check_text('actor_name', actor_name, 256), slipstream.check_text('actor_department', actor_department, 256),
          slipstream.check_text('on_behalf_of', on_behalf_of, 256), slipstream.check_text('entity_name', entity_name, 256),
          slipstream.check_text('message', message, 1000), slipstream.check_text('correlation_id', correlation_id, 256),
          slipstream.check_text('batch_id', batch_id, 256), slipstream.check_text('department', substring(visibility from '^department:(.*)$'), 256),
          slipstream.check_text('traceparent', traceparent, 256),
          slipstream.check_object('metadata', metadata), slipstream.check_object('changes', changes);

  -- The fields, their order and the form of their values are those of the canonical event, to the byte.
  rest := slipstream.compact_json(metadata - 'amoId' - 'module');
  payload := '{"id":"' || event_id || '"' || slipstream.json_member('type', type)
    || slipstream.json_member('entityType', regexp_replace(type, '\.[^.]*$', ''))
    || slipstream.json_member('entityId', entity_id)
    || slipstream.json_member('action', substring(type from '[^.]*$'))
    || ',"timestamp":"' || to_char(happened at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || '"'
    || ',"actor":{"userId":' || to_json(actor_id)::text || slipstream.json_member('name', actor_name)
    || slipstream.json_member('department', actor_department) || slipstream.json_member('kind', actor_kind)
    || slipstream.json_member('onBehalfOf', on_behalf_of) || '}'
    || ',"metadata":{"amoId":' || to_json(tenant)::text || slipstream.json_member('module', module)
    || case when rest = '{}' then '}' else ',' || substring(rest from 2) end
    || slipstream.json_member('tenantId', tenant) || slipstream.json_member('module', module)
    || slipstream.json_member('severity', severity) || slipstream.json_member('category', category)
    || slipstream.json_member('visibility', visibility) || slipstream.json_member('entityName', entity_name)
    || slipstream.json_member('message', message) || slipstream.json_member('correlationId', correlation_id)
    || slipstream.json_member('batchId', batch_id) || coalesce(',"changes":' || slipstream.compact_json(changes), '') || '}';
  if octet_length(payload) > 65536 then
    raise exception 'an event must be at most 65536 bytes of JSON' using errcode = 'program_limit_exceeded';
  end if;

  if slipstream.current_tenant() is null then
    perform set_config('slipstream.tenant', tenant, true);
  end if;
  perform slipstream.append(tenant, array[event_id], array[type], array[payload], traceparent);
  -- Postgres sends equal notifications of one transaction once. The relay polls all the same.
  perform pg_notify('slipstream_outbox', '');
  return event_id;
end
$$;

do $$
declare
  func regprocedure;
begin
  foreach func in array array[
    'slipstream.uuid7()', 'slipstream.compact_json(jsonb)', 'slipstream.check_text(text, text, integer)', 'slipstream.check_object(text, jsonb)',
    'slipstream.json_member(text, text)'
  ]::regprocedure[] || (select p.oid::regprocedure from pg_proc p where p.proname = 'emit' and p.pronamespace = 'slipstream'::regnamespace) loop
    execute format('revoke all on function %s from public', func);
  end loop;
  execute format('grant execute on function %s to slipstream_writer, slipstream_api', func);
end
$$;
