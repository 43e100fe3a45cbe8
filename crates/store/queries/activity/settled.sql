-- Pruned after the change of $2; a later one is still due.
update slipstream.activity_settings set prune_due = false where tenant_id = $1 and updated_at = $2
