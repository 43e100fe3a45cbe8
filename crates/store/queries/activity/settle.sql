update slipstream.activity_silence set began_seq = $3, ended_seq = $4 where tenant_id = $1 and began_at = $2
