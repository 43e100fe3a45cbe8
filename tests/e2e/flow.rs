//! From a write to the browser and the archive.

use serde_json::json;
use slipstream_tests::{Answer, Stack, eventually, id, ticket};

use crate::{event, ids, lines, texts};

#[tokio::test]
async fn an_event_is_streamed_and_archived_once() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    let mut stream = http.stream("", None).await.unwrap();
    stream.until_control("ready").await;

    let sent = json!({"id": id(), "type": "shop.order.created", "entityId": "o1", "severity": "warning", "message": "Two\nlines?".replace('\n', " "), "metadata": {"sum": 1.10, "big": 9_007_199_254_740_993_u64}});
    let ack = http.publish(&sent).await;
    assert_eq!((&ack["id"], &ack["duplicate"]), (&sent["id"], &json!(false)));

    let shown = stream.until_event(sent["id"].as_str().unwrap()).await;
    assert_eq!(stream.last_id.as_deref(), ack["cursor"].as_str(), "the acknowledged cursor is the event's");
    for (field, want) in [
        ("type", json!("shop.order.created")),
        ("entityType", json!("shop.order")),
        ("action", json!("created")),
        ("tenantId", json!("acme")),
        ("module", json!("shop")),
    ] {
        assert_eq!(shown[field], want, "{field}");
    }
    assert_eq!(shown["actor"]["userId"], "u1");
    assert_eq!(shown["metadata"], json!({"amoId": "acme", "module": "shop", "sum": 1.10, "big": 9_007_199_254_740_993_u64}));

    let archived = eventually("the event is archived", async || http.history("").await.pop().ok_or("nothing")).await;
    assert_eq!(archived, shown);
    assert_eq!(http.history("").await.len(), 1);
}

#[tokio::test]
async fn a_batch_keeps_its_order() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    let mut stream = http.stream("", None).await.unwrap();
    stream.until_control("ready").await;

    let events: Vec<_> = (0..120).map(|n| event(&format!("o{n}"))).collect();
    let ack = http.send("POST", "/api/events", &[("content-type", "application/x-ndjson")], &lines(&events)).await.unwrap().expect(202);
    assert_eq!((&ack["accepted"], &ack["duplicates"]), (&json!(120), &json!(0)));
    assert_eq!(ids(ack["results"].as_array().unwrap()), ids(&events));
    let single = event("last");
    http.publish(&single).await;

    let want: Vec<String> = ids(&events).into_iter().chain(ids(std::slice::from_ref(&single))).collect();
    assert_eq!(ids(&stream.events(121).await), want);
    let history = eventually("all are archived", async || match http.history("").await {
        history if history.len() == 121 => Ok(history),
        history => Err(history.len()),
    })
    .await;
    let mut archived = ids(&history);
    archived.sort();
    let mut want = want;
    want.sort();
    assert_eq!(archived, want);
}

#[tokio::test]
async fn a_domain_write_is_streamed_and_archived_with_its_change() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    let mut stream = http.stream("?module=copilot", None).await.unwrap();
    stream.until_control("ready").await;

    let row = http.post("/copilot/support-tickets/", &ticket("Printer")).await.expect(200)["data"].clone();
    let path = format!("/copilot/support-tickets/{}", row["id"].as_str().unwrap());
    put(&http, &path, &json!({"status": "RESOLVED"})).await.expect(200);
    http.send("DELETE", &path, &[], "").await.unwrap().expect(200);

    let shown = stream.events(3).await;
    let types = ["copilot.support_ticket.created", "copilot.support_ticket.status_changed", "copilot.support_ticket.deleted"];
    assert_eq!(texts(&shown, "type"), types);
    assert!(shown.iter().all(|event| event["entityId"] == row["id"] && event["actor"]["userId"] == "u1"), "{shown:?}");
    assert_eq!((&shown[1]["metadata"]["from"], &shown[1]["metadata"]["to"]), (&json!("OPEN"), &json!("RESOLVED")));
    let history = eventually("all are archived", async || match http.history("").await {
        history if history.len() == 3 => Ok(history),
        history => Err(history.len()),
    })
    .await;
    assert_eq!(ids(&history).into_iter().rev().collect::<Vec<_>>(), ids(&shown));
}

#[tokio::test]
async fn a_refused_domain_write_leaves_no_event() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    http.post("/copilot/support-tickets/", &json!({"subject": " ", "description": "x"})).await.problem(400, "field_empty");
    http.post("/copilot/support-tickets/", &ticket("Printer")).await.expect(200);
    let history = eventually("the good one is archived", async || match http.history("").await {
        history if history.is_empty() => Err("nothing"),
        history => Ok(history),
    })
    .await;
    assert_eq!(texts(&history, "entityName"), ["Printer"]);
    assert_eq!(http.get("/copilot/support-tickets/").await.expect(200)["total"], 1);
}

#[tokio::test]
async fn changes_are_archived_and_never_streamed() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    let mut stream = http.stream("", None).await.unwrap();
    stream.until_control("ready").await;
    let mut sent = event("o1");
    sent["changes"] = json!({"price": {"before": "canary-before", "after": 2}});
    http.publish(&sent).await;
    let shown = stream.until_event(sent["id"].as_str().unwrap()).await;
    assert!(shown.get("changes").is_none(), "{shown}");
    let archived = eventually("the event is archived", async || http.history("").await.pop().ok_or("nothing")).await;
    assert!(archived.get("changes").is_none(), "{archived}");
    let kept = stack.sql("select count(*) from slipstream.event where position('canary-before' in payload::text) > 0").await;
    assert_eq!(kept, "1", "the archive keeps them");
}

async fn put(http: &slipstream_tests::Http, path: &str, body: &serde_json::Value) -> Answer {
    http.send("PUT", path, &[("content-type", "application/json")], &body.to_string()).await.unwrap()
}
