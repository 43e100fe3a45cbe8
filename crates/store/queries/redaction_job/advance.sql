update slipstream.redaction_job
   set state = case when $2 then 'running' else 'done' end, through_seq = $3, ids_done = $4, last_occurred_at = $5, last_event_id = $6,
       redacted = redacted + $7, unchanged = unchanged + $8, held = held + $9, exempt = exempt + $10, missing = missing + $11,
       started_at = coalesce(started_at, clock_timestamp()), finished_at = case when $2 then null else clock_timestamp() end, turn_at = clock_timestamp()
 where job_id = $1
