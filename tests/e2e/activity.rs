//! The activity log: its list, its live view, its settings and its clearing.

mod behind;
mod export;
mod killed;
mod live;
mod off;
mod refused;
mod settings;

use serde_json::{Value, json};
use slipstream_tests::{Http, Node, Stack, eventually};

use crate::texts;

const LOG: &str = "/api/v1/activity-log";
const JSON: (&str, &str) = ("content-type", "application/json");

/// A member of the tenant who is neither admin nor of quality.
fn member(stack: &Stack, node: &Node) -> Http {
    Http::new(node.url(), Some(stack.token_of("u2", "acme", &["reader"])))
}

/// One page of the list.
async fn list(http: &Http, query: &str) -> Value {
    http.get(&format!("{LOG}?{query}")).await.expect(200)
}

/// Entities of a page, as they stand.
fn entities(page: &Value) -> Vec<String> {
    texts(page["entries"].as_array().unwrap(), "entity_id")
}

/// Waits until the log shows these entities, newest first.
async fn shows(http: &Http, want: &[&str]) {
    eventually("the log shows what it should", async || match entities(&list(http, "limit=200").await) {
        got if got == want => Ok(()),
        got => Err(got),
    })
    .await;
}

/// Publishes events of these classes about entities named like them.
async fn publish_classes(http: &Http, classes: &[&str]) {
    for class in classes {
        http.publish(&json!({"type": "shop.order.created", "entityId": class, "visibility": class})).await;
    }
}

#[tokio::test]
async fn an_entry_has_the_fields_of_the_contract() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    let event = json!({
        "type": "shop.order.paid", "entityId": "o1", "entityName": "Order 1", "severity": "critical", "category": "capture", "correlationId": "c1",
        "metadata": {"sum": 1.50, "note": "two\nlines \u{1b}[31mred"},
    });
    let ack = http.publish(&event).await;
    shows(&http, &["o1"]).await;
    let page = list(&http, "").await;
    let entry = &page["entries"][0];
    assert_eq!((&entry["id"], &entry["event_id"], &entry["seq"]), (&ack["id"], &ack["id"], &json!(1)));
    let want = json!({
        "category": "capture", "action": "paid", "severity": "error", "actor_user_id": "u1", "actor_kind": "user", "entity_type": "shop.order",
        "entity_id": "o1", "entity_name": "Order 1", "metadata": {"sum": 1.50, "note": "two lines red"}, "type": "shop.order.paid", "correlation_id": "c1",
        "module": "shop",
    });
    for (field, value) in want.as_object().unwrap() {
        assert_eq!(&entry[field], value, "{field} of {entry}");
    }
    assert!(entry["message"].as_str().unwrap().starts_with("Order Order 1 paid by "), "{entry}");
    assert_eq!(
        (&page["next_before_seq"], &page["total"], &page["has_more"], &page["total_is_estimate"]),
        (&Value::Null, &json!(1), &json!(false), &json!(false))
    );
}

#[tokio::test]
async fn pages_neither_overlap_nor_leave_a_gap_while_entries_come_in() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    let batch = |from: usize| json!((from..from + 30).map(|n| json!({"type": "shop.order.created", "entityId": n.to_string()})).collect::<Vec<_>>());
    http.post("/api/events", &batch(0)).await.expect(202);
    eventually("all are listed", async || match list(&http, "limit=1").await["total"].as_u64() {
        Some(30) => Ok(()),
        other => Err(other),
    })
    .await;
    let (mut seen, mut place, mut from) = (Vec::new(), String::new(), 30);
    loop {
        let page = list(&http, &format!("limit=7{place}")).await;
        seen.extend(page["entries"].as_array().unwrap().iter().map(|entry| entry["seq"].as_u64().unwrap()));
        let Some(next) = page["next_before_seq"].as_u64() else { break };
        assert_eq!(page["has_more"], true);
        place = format!("&before_seq={next}");
        http.post("/api/events", &batch(from)).await.expect(202);
        from += 30;
    }
    assert_eq!(seen, (1..=seen[0]).rev().collect::<Vec<_>>());
    assert_eq!(seen[0], 30);
    eventually("the rest is caught up with, the oldest first", async || {
        let page = list(&http, "after_seq=30&limit=200").await;
        let seqs: Vec<u64> = page["entries"].as_array().unwrap().iter().map(|entry| entry["seq"].as_u64().unwrap()).collect();
        if seqs == (31..=from as u64).collect::<Vec<_>>() { Ok(()) } else { Err(seqs) }
    })
    .await;
}

#[tokio::test]
async fn lists_and_totals_hold_only_what_the_reader_may_see() {
    let (stack, node) = Stack::with_node().await;
    let (admin, member) = (stack.http(&node, "acme"), member(&stack, &node));
    publish_classes(&admin, &["tenant", "quality", "admin", "platform", "department:line"]).await;
    shows(&admin, &["department:line", "admin", "quality", "tenant"]).await;
    shows(&member, &["tenant"]).await;
    let (all, some) = (list(&admin, "limit=1").await, list(&member, "limit=1").await);
    assert_eq!((&all["total"], &all["has_more"]), (&json!(4), &json!(true)));
    assert_eq!((&some["total"], &some["has_more"], &some["next_before_seq"]), (&json!(1), &json!(false), &Value::Null));
    let searched = list(&member, "q=quality").await;
    assert_eq!((&searched["total"], &searched["entries"]), (&json!(0), &json!([])));
}

#[tokio::test]
async fn what_is_not_understood_is_named_all_at_once() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    let query = "limit=201&before_seq=0&after_seq=x&categories=zoo&severities=critical&since=yesterday&q=%00&actor=%0a";
    let problem = http.get(&format!("{LOG}?{query}")).await.problem(422, "validation");
    let fields = texts(problem["fields"].as_array().unwrap(), "field");
    assert_eq!(fields, ["limit", "before_seq", "after_seq", "categories", "severities", "actor", "q", "since"]);
    let problem = http.get(&format!("{LOG}?since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z")).await.problem(422, "validation");
    assert_eq!(problem["fields"][0]["field"], "since");
}

#[tokio::test]
async fn an_unchanged_page_costs_nothing() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    publish_classes(&http, &["tenant"]).await;
    shows(&http, &["tenant"]).await;
    // The tag changes with the minute too.
    let tag = eventually("two pages of one minute", async || {
        let first = http.get(LOG).await;
        let tag = first.headers.get("etag").unwrap().to_str().unwrap().to_owned();
        let again = http.send("GET", LOG, &[("if-none-match", &tag)], "").await.unwrap();
        assert_eq!(first.headers.get("vary").unwrap(), "Authorization");
        if again.status == 304 && again.text.is_empty() { Ok(tag) } else { Err(again.status) }
    })
    .await;
    publish_classes(&http, &["quality"]).await;
    shows(&http, &["quality", "tenant"]).await;
    assert_eq!(http.send("GET", LOG, &[("if-none-match", &tag)], "").await.unwrap().status, 200);
    let of_member = member(&stack, &node).send("GET", LOG, &[("if-none-match", &tag)], "").await.unwrap();
    assert_eq!(of_member.status, 200);
}
