-- How many events of tenant $1 with numbers after $2 up to $3 are of the categories $4.
select count(*)
  from slipstream.event
 where tenant_id = $1 and tenant_seq > $2 and tenant_seq <= $3 and category = any ($4)
