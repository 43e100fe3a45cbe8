select pending.rows as pending, pending.oldest, aside.rows as set_aside
  from (select count(*) as rows, min(created_at) as oldest from slipstream.outbox where published_at is null and set_aside_at is null) as pending,
       (select count(*) as rows from slipstream.outbox where set_aside_at is not null) as aside
