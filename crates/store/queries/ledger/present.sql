-- How many of the numbers after $2 up to $3 of tenant $1, which happened from $4 to $5, are there; how many of these are redacted; and how many others retention removed.
select (select count(*) from slipstream.event
         where tenant_id = $1 and tenant_seq > $2 and tenant_seq <= $3 and occurred_at between $4 and $5) as present,
       (select count(*) from slipstream.event
         where tenant_id = $1 and tenant_seq > $2 and tenant_seq <= $3 and occurred_at between $4 and $5 and redacted_at is not null) as redacted,
       (select count(*) from slipstream.ledger_removed as r cross join lateral unnest(r.numbers) as number
         where r.tenant_id = $1 and r.occurred_from <= $5 and r.occurred_to >= $4 and number > $2 and number <= $3) as removed
