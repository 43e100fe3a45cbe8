-- slipstream.emit refuses the types of the module `archive`, as ingest does: only the platform itself writes them. By them a verifier of the ledger tells a redaction
-- and a removal from tampering, and a product could tell of a removal that never was.
--
-- One branch is put into the function that is there, so that its rights and all else of it stay. The platform's own events do not pass through it.
do $$
declare
  before constant text := E'  elsif entity_id is null or metadata is null or actor_id is null then\n';
  branch constant text := E'  elsif module = ''archive'' then\n'
    || E'    raise exception ''type must not be of the module archive: only the platform itself writes its events'' using errcode = ''invalid_parameter_value'';\n';
  definition constant text := (
    select pg_get_functiondef(p.oid) from pg_proc p where p.proname = 'emit' and p.pronamespace = 'slipstream'::regnamespace
  );
begin
  if array_length(string_to_array(definition, before), 1) is distinct from 2 then
    raise exception 'slipstream.emit is not the function of migration 3';
  end if;
  execute replace(definition, before, branch || before);
end
$$;
