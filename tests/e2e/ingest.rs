//! Ingest: its forms, and repeats that change nothing.

use serde_json::json;
use slipstream_tests::{Stack, eventually, id};

use crate::{event, ids, texts};

#[tokio::test]
async fn a_repeated_event_is_a_duplicate_with_the_first_cursor() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    let mut stream = http.stream("", None).await.unwrap();
    stream.until_control("ready").await;
    let first = event("o1");
    let ack = http.publish(&first).await;
    let again = http.publish(&first).await;
    assert_eq!((&again["duplicate"], &again["cursor"], &again["id"]), (&json!(true), &ack["cursor"], &ack["id"]));
    let batch = http.post("/api/events", &json!([first, event("o2")])).await.expect(202);
    assert_eq!((&batch["accepted"], &batch["duplicates"]), (&json!(2), &json!(1)));
    let last = event("o3");
    http.publish(&last).await;
    assert_eq!(texts(&stream.events(3).await, "entityId"), ["o1", "o2", "o3"]);
    eventually("each is archived once", async || match http.history("").await.len() {
        3 => Ok(()),
        other => Err(other),
    })
    .await;
}

#[tokio::test]
async fn a_repeat_after_the_brokers_memory_is_known_to_the_archive() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    let sent = json!({"id": "order-17", "type": "shop.order.created", "entityId": "o1", "timestamp": "2024-02-03T04:05:06Z"});
    let ack = http.publish(&sent).await;
    let archived = eventually("the event is archived", async || http.history("").await.pop().ok_or("nothing")).await;
    assert_eq!((archived["sourceId"].as_str(), archived["id"].as_str()), (Some("order-17"), ack["id"].as_str()));
    let other =
        http.publish(&json!({"id": "order-17", "type": "shop.order.created", "entityId": "o1", "timestamp": "2024-02-03T04:05:06Z", "message": "again"})).await;
    assert_eq!((&other["duplicate"], &other["cursor"]), (&json!(true), &ack["cursor"]));
    assert_eq!(http.history("").await.len(), 1);
}

#[tokio::test]
async fn an_idempotency_key_repeats_a_request_and_not_its_effect() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    let body = json!([{"type": "shop.order.created", "entityId": "o1"}, {"type": "shop.order.created", "entityId": "o2"}]).to_string();
    let headers = [("content-type", "application/json"), ("idempotency-key", "monday's orders")];
    let first = http.send("POST", "/api/events", &headers, &body).await.unwrap().expect(202);
    let again = http.send("POST", "/api/events", &headers, &body).await.unwrap().expect(202);
    assert_eq!((&first["duplicates"], &again["duplicates"]), (&json!(0), &json!(2)));
    assert_eq!(ids(first["results"].as_array().unwrap()), ids(again["results"].as_array().unwrap()));
}

#[tokio::test]
async fn cloudevents_are_taken_in_their_three_forms() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    let mut stream = http.stream("?format=cloudevents", None).await.unwrap();
    stream.until_control("ready").await;
    let one =
        |subject: &str| json!({"specversion": "1.0", "id": id(), "type": "shop.order.created", "source": "/shop", "subject": subject, "data": {"sum": 1}});
    let structured = [("content-type", "application/cloudevents+json")];
    http.send("POST", "/api/events", &structured, &one("structured").to_string()).await.unwrap().expect(202);
    let batch = [("content-type", "application/cloudevents-batch+json")];
    http.send("POST", "/api/events", &batch, &json!([one("first"), one("second")]).to_string()).await.unwrap().expect(202);
    let given = id();
    let binary = [
        ("ce-specversion", "1.0"),
        ("ce-id", given.as_str()),
        ("ce-type", "shop.order.created"),
        ("ce-source", "/shop"),
        ("ce-subject", "caf%C3%A9"),
        ("content-type", "application/json"),
    ];
    http.send("POST", "/api/events", &binary, r#"{"sum":2}"#).await.unwrap().expect(202);

    let shown = stream.events(4).await;
    assert_eq!(texts(&shown, "subject"), ["structured", "first", "second", "café"]);
    assert!(shown.iter().all(|event| event["specversion"] == "1.0" && event["source"] == "/shop" || event["data"]["source"] == "/shop"), "{shown:?}");
    assert_eq!((shown[3]["id"].as_str(), shown[3]["data"]["sum"].as_i64()), (Some(given.as_str()), Some(2)));
}

#[tokio::test]
async fn only_those_who_may_write_as_others_name_another_actor() {
    let (stack, node) = Stack::with_node().await;
    let mut sent = event("o1");
    sent["actor"] = json!({"userId": "somebody", "name": "Some Body"});
    stack.http(&node, "acme").post("/api/events", &sent).await.problem(422, "actor_forbidden");
    let mut grant = slipstream_access::mint::Grant::new("importer", Some(slipstream_event::Tenant::new("acme").unwrap()), &["writer"]);
    grant.scopes = vec!["events:write-as".to_owned()];
    let token = stack.sign(&grant, slipstream_tests::TOKEN_SECRET, std::time::Duration::from_secs(60));
    slipstream_tests::Http::new(node.url(), Some(token)).publish(&sent).await;
    let http = stack.http(&node, "acme");
    let archived = eventually("the event is archived", async || http.history("").await.pop().ok_or("nothing")).await;
    assert_eq!(archived["actor"]["userId"], "somebody");
}
