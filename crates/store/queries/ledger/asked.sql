-- What is asked of the events of tenant $1 with numbers after $2 up to $3, as far as they are there: the batches tell in which months.
with part as (
  select min(occurred_from) as occurred_from, max(occurred_to) as occurred_to
    from slipstream.ledger_batch
   where tenant_id = $1 and start >= $2 and start < $3
)
select entity_id, entity_name, action, message, actor_id, actor_name, type, category, severity, correlation_id
  from slipstream.event
 where tenant_id = $1 and tenant_seq > $2 and tenant_seq <= $3
   and occurred_at >= (select occurred_from from part) and occurred_at <= (select occurred_to from part)
