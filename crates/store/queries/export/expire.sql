update slipstream.export_job
   set state = 'expired'
 where state in ('ready', 'failed') and expires_at < clock_timestamp()
