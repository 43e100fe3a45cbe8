//! The audit log from outside: who reads it is in it, and entries reach stream and history as their caller's.

use serde_json::{Value, json};
use slipstream_tests::{Http, Stack, eventually};

async fn archived(http: &Http, query: &str, count: usize) -> Vec<Value> {
    eventually("the events are archived", async || match http.history(query).await {
        found if found.len() == count => Ok(found),
        found => Err(found.len()),
    })
    .await
}

#[tokio::test]
async fn readings_and_entries_are_events_themselves() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    let mut stream = http.stream("", None).await.unwrap();
    stream.until_control("ready").await;
    let entry = json!({"entity_type": "work_order", "entity_id": "7", "action": "approved", "after": {"state": "ok"}});
    let headers = [("content-type", "application/json"), ("idempotency-key", "k-1")];
    let first = http.send("POST", "/audit/", &headers, &entry.to_string()).await.unwrap().expect(201);
    let again = http.send("POST", "/audit/", &headers, &entry.to_string()).await.unwrap().expect(201);
    assert_eq!(first, again);
    let shown = stream.until_event(first["id"].as_str().unwrap()).await;
    assert_eq!((&shown["type"], &shown["actor"]["userId"], shown.get("changes")), (&json!("custom.work_order.approved"), &json!("u1"), None));
    archived(&http, "", 1).await;

    let rows = http.get("/audit-events?entity_type=custom.work_order").await.expect(200);
    assert_eq!((rows.as_array().unwrap().len(), &rows[0]["id"], &rows[0]["after"]), (1, &first["id"], &json!({"state": "ok"})));
    let read = archived(&http, "&types=audit", 1).await;
    assert_eq!((&read[0]["type"], &read[0]["metadata"]["rows"]), (&json!("audit.log.read"), &json!(1)));

    let mut lie = entry.clone();
    lie["actor_user_id"] = json!("somebody-else");
    http.post("/audit/", &lie).await.problem(403, "actor_mismatch");
    let refused = archived(&http, "&types=audit.event", 1).await;
    assert_eq!((&refused[0]["severity"], &refused[0]["metadata"]["named"]), (&json!("warning"), &json!("somebody-else")));

    let reader = Http::new(node.url(), Some(stack.token_of("u9", "acme", &["reader"])));
    reader.get("/audit/").await.problem(403, "role_forbidden");
    assert_eq!(reader.history("").await, Vec::<Value>::new(), "none of it is for readers");
    assert_eq!(stack.http(&node, "other").get("/audit/").await.expect(200), json!([]));
}

#[tokio::test]
async fn without_a_database_nobody_reads_unseen() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    http.get("/audit/").await.expect(200);
    // Reading works, keeping the record does not.
    stack.sql("alter table slipstream.outbox rename to hidden").await;
    let refused = http.get("/audit/").await;
    refused.problem(503, "audit_unavailable");
    assert!(refused.headers.contains_key("retry-after"));
    http.post("/audit/", &json!({"entity_type": "x", "entity_id": "7", "action": "y", "actor_user_id": "other"})).await.problem(503, "audit_unavailable");
    stack.sql("alter table slipstream.hidden rename to outbox").await;
    http.get("/audit/").await.expect(200);
}
