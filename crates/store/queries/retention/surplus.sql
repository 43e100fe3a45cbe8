-- Up to which number events of tenant $1 and the categories $2 are beyond the newest $3.
select tenant_seq
  from slipstream.event
 where tenant_id = $1 and category = any ($2)
 order by tenant_seq desc
offset $3
 limit 1
