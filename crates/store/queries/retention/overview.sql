-- Where retention stands with tenant $1; always one row.
select s.due_at, s.progress
  from (select $1::text collate "C" as tenant_id) as t
  left join slipstream.retention_state as s on s.tenant_id = t.tenant_id
