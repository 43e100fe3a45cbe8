-- One statement, so that the tenant's head and the shard's watermark are of the same moment: the archiver moves both in one transaction.
select coalesce(w.epoch, 0), coalesce(w.seq, 0), coalesce(h.ledger_size, 0)
  from (values ($1::text, $2::integer)) as wanted (tenant_id, shard)
  left join slipstream.archive_watermark as w using (shard)
  left join slipstream.tenant_head as h using (tenant_id)
