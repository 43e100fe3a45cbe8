do $$
declare
  branch constant text := E'  elsif module = ''archive'' then\n'
    || E'    raise exception ''type must not be of the module archive: only the platform itself writes its events'' using errcode = ''invalid_parameter_value'';\n';
  definition constant text := (
    select pg_get_functiondef(p.oid) from pg_proc p where p.proname = 'emit' and p.pronamespace = 'slipstream'::regnamespace
  );
begin
  if array_length(string_to_array(definition, branch), 1) is distinct from 2 then
    raise exception 'slipstream.emit is not the function of migration 13';
  end if;
  execute replace(definition, branch, '');
end
$$;
