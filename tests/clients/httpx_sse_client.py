"""Python `httpx-sse`. It does not connect anew by itself: this does what its documentation shows, by the stream's own hint."""

import json
import sys
import time

import httpx
from httpx_sse import SSEError, connect_sse

base, token = sys.argv[1:3]
last_id = sys.argv[3] if len(sys.argv) > 3 else ""
retry_ms = 1_000

client = httpx.Client(timeout=httpx.Timeout(10, read=60), trust_env=False)
while True:
    headers = {"authorization": f"Bearer {token}"} | ({"last-event-id": last_id} if last_id else {})
    try:
        with connect_sse(client, "GET", f"{base}/api/events", headers=headers) as stream:
            for block in stream.iter_sse():
                last_id = block.id or last_id
                retry_ms = block.retry or retry_ms
                if block.data:
                    print(json.dumps({"id": block.id, "event": block.event, "data": block.data}), flush=True)
    except (httpx.TransportError, SSEError):
        pass
    time.sleep(retry_ms / 1_000)
