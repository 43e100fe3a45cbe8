-- The roles stay: they belong to the whole cluster, and another database may use them.
drop function slipstream.current_tenant();

revoke usage on schema slipstream
  from slipstream_api, slipstream_relay, slipstream_archiver, slipstream_reader, slipstream_platform, slipstream_writer;
