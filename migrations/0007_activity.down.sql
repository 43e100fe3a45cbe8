drop function slipstream.is_published(uuid);
drop policy told on slipstream.outbox;
drop table slipstream.activity_silence;
drop table slipstream.activity_settings;
