drop function slipstream.is_held(text, text, text, text, text, timestamptz);
drop function slipstream.hold_covers(slipstream.legal_hold, text, text, text, text, timestamptz);
drop function slipstream.open_holds(text);
drop function slipstream.heed_holds(text);
drop table slipstream.legal_hold;
revoke all on schema slipstream from slipstream_redactor;
