insert into slipstream.activity_settings (tenant_id, pruned_seq, pruned_at) values ($1, $2, clock_timestamp())
on conflict (tenant_id) do update
  set pruned_seq = greatest(slipstream.activity_settings.pruned_seq, excluded.pruned_seq), pruned_at = excluded.pruned_at
