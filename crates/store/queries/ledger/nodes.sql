select asked.place, node.hash
  from unnest($2::smallint[], $3::bigint[]) with ordinality as asked (level, index, place)
  join slipstream.ledger_node as node on node.tenant_id = $1 and node.level = asked.level and node.index = asked.index
