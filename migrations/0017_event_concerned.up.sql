-- Who sees only what concerns it (an end user in the activity log) finds its events by it, among all of its tenant's. Few events have these classes, so few are in it. Whom an event concerns may be a
-- text that is longer than an index takes: its hash is kept, and the text is compared in the row.
-- With ten million events it takes about a minute, in which nothing is archived.
create index event_concerned on slipstream.event (tenant_id, hashtextextended(concerned, 0), tenant_seq) where visibility in ('subject', 'external');
