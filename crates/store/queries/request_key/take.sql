-- Takes key $2 of tenant $1 for the request $3 with the answer $4; nothing when it is taken. Waits for who is taking it.
insert into slipstream.request_key (tenant_id, key, request_hash, answer)
values ($1, $2, $3, $4)
on conflict (tenant_id, key) do nothing
