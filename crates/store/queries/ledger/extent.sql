-- Where the events of tenant $1 with numbers after $2 up to $3 lie, in time and in the log: there from behind the batch before on, and to the end when they are the last ($4).
with part as (
  select * from slipstream.ledger_batch
   where tenant_id = $1 and start < $3
     and start >= coalesce((select max(b.start) from slipstream.ledger_batch as b where b.tenant_id = $1 and b.start <= $2), 0)
),
before as (
  select epoch, last_seq from slipstream.ledger_batch
   where tenant_id = $1 and start < (select min(start) from part)
   order by start desc
   limit 1
)
select min(occurred_from) as occurred_from, max(occurred_to) as occurred_to, min(shard) as shard,
       coalesce((select epoch from before), 0) as from_epoch, coalesce((select last_seq + 1 from before), 0) as from_seq,
       case when $4 then 9223372036854775807 else (array_agg(epoch order by start desc))[1] end as to_epoch,
       case when $4 then 9223372036854775807 else (array_agg(last_seq order by start desc))[1] end as to_seq
  from part
