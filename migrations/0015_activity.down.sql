drop table slipstream.archive_end;
drop function slipstream.is_published(uuid);
drop policy told on slipstream.outbox;
drop policy archiver on slipstream.activity_silence;
revoke select (tenant_id, began_at), update (began_seq, ended_seq) on slipstream.activity_silence from slipstream_archiver;
comment on table slipstream.activity_silence is null;
alter table slipstream.activity_silence drop column began_seq, drop column ended_seq;
