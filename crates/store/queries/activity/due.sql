-- The tenants whose settings were changed since their logs were pruned.
select tenant_id, updated_at from slipstream.activity_settings where prune_due
