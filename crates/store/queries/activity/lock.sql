-- The settings, locked, with the time on the database's clock: writers of one tenant come one after the other, and so do their times.
insert into slipstream.activity_settings (tenant_id) values ($1)
on conflict (tenant_id) do update set updated_at = greatest(clock_timestamp(), slipstream.activity_settings.updated_at + interval '1 microsecond')
returning enabled, max_days, max_entries, updated_at
