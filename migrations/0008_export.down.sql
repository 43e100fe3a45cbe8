drop table slipstream.export_chunk;
drop table slipstream.export_job;
revoke all on schema slipstream from slipstream_exporter;
