-- The tenants whose limits were changed since; each is told of once.
update slipstream.activity_settings set prune_due = false where prune_due returning tenant_id
