-- Who sees only what concerns it (an end user in the activity log) finds its events by it, among all of its tenant's. Few events have these classes, so few are in it. Whom an event concerns may be a
-- text that is longer than an index takes; no such text is the id of somebody who asks. (A hash of it would not do: under row-level security Postgres looks into an index only by what is leakproof.)
-- With ten million events it takes about a minute, in which nothing is archived.
create index event_concerned on slipstream.event (tenant_id, concerned, tenant_seq)
  where visibility in ('subject', 'external') and octet_length(concerned) <= 1000;
