drop table slipstream.archive_quarantine;
drop table slipstream.tenant_head;
drop table slipstream.stream_epoch;
drop table slipstream.archive_watermark;
drop function slipstream.event_months_ahead();
drop function slipstream.ensure_event_partitions(date[]);
drop function slipstream.event_past_before();
drop table slipstream.event;
