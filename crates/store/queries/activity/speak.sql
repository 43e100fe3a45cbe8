update slipstream.activity_silence
   set ended_at = greatest(began_at, $2)
 where tenant_id = $1 and ended_at is null
