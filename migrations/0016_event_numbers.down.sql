drop index slipstream.event_seq;
create index event_seq on slipstream.event (tenant_id, tenant_seq);
