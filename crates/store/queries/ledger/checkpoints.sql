-- Checkpoints after size $2, ascending: all of them, or one of each $3 sizes and the last one.
select size, note
  from (
    select size, note, row_number() over (partition by size / $3 order by size desc) as place
      from slipstream.ledger_checkpoint
     where tenant_id = $1 and size > $2
  ) as listed
 where place = 1
 order by size
 limit $4
