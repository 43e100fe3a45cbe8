do $$
begin
  execute (select format('drop function %s', p.oid::regprocedure) from pg_proc p where p.proname = 'emit' and p.pronamespace = 'slipstream'::regnamespace);
end
$$;

drop function slipstream.json_member(text, text);
drop function slipstream.check_object(text, jsonb);
drop function slipstream.check_text(text, text, integer);
drop function slipstream.compact_json(jsonb);
drop function slipstream.uuid7();
