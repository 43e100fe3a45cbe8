//! The audit log: rows, gates, the record of its reading, and entries by hand.

use serde_json::{Value, json};
use slipstream_event::{Event, Object, Visibility};

use crate::app::{Answer, App, Who, admin, ask, who};
use crate::fixture::{Log, at, event};

fn day(day: u32, entity: &str) -> Event {
    at(&format!("2026-03-{day:02}T12:00:00Z"), event("acme", "fleet.aircraft.created", entity))
}

fn entities(answer: &Answer) -> Vec<&str> {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body.as_array().unwrap().iter().map(|row| row["entity_id"].as_str().unwrap()).collect()
}

async fn enter(app: &App, who: &Who, key: Option<&str>, body: &Value) -> Answer {
    let mut headers = vec![("authorization", who.0.as_str()), ("content-type", "application/json")];
    headers.extend(key.map(|key| ("idempotency-key", key)));
    ask(&app.router, "POST", "/audit/", &headers, &body.to_string()).await
}

#[tokio::test]
async fn rows_are_a_bare_array_and_the_next_page_is_in_the_headers() {
    let (app, mut changed) = (App::new().await, day(2, "e2"));
    changed.changes = Some(Object::parse(r#"{"name":{"before":"a","after":"b"},"new":{"before":null,"after":1}}"#).unwrap());
    changed.visibility = Visibility::Quality;
    Log::new(&app.db).await.add(&[day(1, "e1"), changed.clone(), day(3, "e3")]).await;
    for route in ["/audit-events", "/audit/"] {
        let page = app.get(&admin("acme"), &format!("{route}?limit=2&entity_type=fleet.aircraft&end=2026-03-03T12:00:00Z")).await;
        assert_eq!(entities(&page), ["e3", "e2"]);
        let row = &page.body[1];
        let keys: Vec<&str> = row.as_object().unwrap().keys().map(String::as_str).collect();
        let want = "id amo_id entity_type entity_id action actor_user_id occurred_at before after correlation_id metadata_json metadata created_at";
        assert_eq!(keys.join(" "), want);
        assert_eq!((&row["before"], &row["after"]), (&json!({"name": "a", "new": null}), &json!({"name": "b", "new": 1})));
        assert_eq!((&row["amo_id"], &row["actor_user_id"], &row["occurred_at"]), (&json!("acme"), &json!("u1"), &json!("2026-03-02T12:00:00.000000Z")));
        assert_eq!((&row["metadata"], &page.body[0]["before"]), (&row["metadata_json"], &Value::Null));
        let link = page.headers["link"].to_str().unwrap();
        let next = link.strip_prefix('<').unwrap().split('>').next().unwrap();
        assert!(next.starts_with(route) && next.contains(page.headers["x-next-cursor"].to_str().unwrap()), "{link}");
        let rest = app.get(&admin("acme"), next).await;
        assert_eq!((entities(&rest), rest.headers.get("link"), rest.headers.get("x-next-cursor")), (vec!["e1"], None, None));
    }
    assert_eq!(app.get(&admin("acme"), "/audit-events?limit=1001").await.code(), (422, "validation"));
    assert_eq!(app.get(&admin("acme"), "/audit-events?cursor=x").await.code(), (400, "cursor_invalid"));
    assert_eq!(app.get(&admin("acme"), "/audit-events?start=2026-03-03&end=x").await.code(), (422, "validation"));
}

#[tokio::test]
async fn each_reading_is_recorded_or_refused() {
    let app = App::new().await;
    Log::new(&app.db).await.add(&[day(1, "e1"), Event { visibility: Visibility::Admin, ..day(2, "secret") }]).await;
    assert_eq!(app.get(&who("acme", &["reader"]), "/audit-events").await.code(), (403, "role_forbidden"));
    assert_eq!(app.get(&who("acme", &["writer"]), "/audit/").await.code(), (403, "role_forbidden"));
    assert!(app.outbox().await.is_empty());
    assert_eq!(entities(&app.get(&who("acme", &["quality", "reader"]), "/audit-events?entity_id=e1").await), ["e1"]);
    assert_eq!(entities(&app.get(&admin("acme"), "/audit-events").await), ["secret", "e1"]);
    let told = app.outbox().await;
    assert_eq!(told.iter().map(|event| event.event_type.as_str()).collect::<Vec<_>>(), ["audit.log.read"; 2]);
    let metadata: Value = serde_json::to_value(&told[0].metadata).unwrap();
    assert_eq!((&metadata["route"], &metadata["filters"], &metadata["rows"]), (&json!("/audit-events"), &json!({"entityId": ["e1"]}), &json!(1)));
    app.sql("alter table slipstream.outbox rename to hidden").await;
    let refused = app.get(&admin("acme"), "/audit-events").await;
    assert_eq!(refused.code(), (503, "audit_unavailable"));
    assert!(refused.headers.contains_key("retry-after") && !refused.body.to_string().contains("secret"));
}

#[tokio::test]
async fn an_entry_is_an_event_of_its_caller() {
    let app = App::new().await;
    let entry = json!({"entity_type": "work_order", "entity_id": "7", "action": "APPROVED", "actor_user_id": "u1", "before": {"a": 1}, "after": {"a": 2}, "metadata": {"k": "v"}, "unknown": 1});
    let made = enter(&app, &who("acme", &["writer"]), None, &entry).await;
    assert_eq!((made.status, &made.body["entity_type"], &made.body["action"]), (201, &json!("custom.work_order"), &json!("approved")));
    assert_eq!((&made.body["before"], &made.body["after"], &made.body["metadata"]["k"]), (&json!({"a": 1}), &json!({"a": 2}), &json!("v")));
    let told = &app.outbox().await[0];
    assert_eq!((told.id.to_string().as_str(), told.event_type.as_str()), (made.body["id"].as_str().unwrap(), "custom.work_order.approved"));
    assert_eq!((told.actor.user_id.as_str(), told.visibility.to_string().as_str()), ("u1", "admin"));
    assert_eq!(enter(&app, &who("acme", &["reader"]), None, &entry).await.code(), (403, "role_forbidden"));
}

#[tokio::test]
async fn a_lie_is_refused_and_recorded() {
    let app = App::new().await;
    let writer = who("acme", &["writer"]);
    let with = |field: &str, value: Value| {
        let mut entry = json!({"entity_type": "x", "entity_id": "7", "action": "done"});
        entry[field] = value;
        entry
    };
    assert_eq!(enter(&app, &writer, None, &with("actor_user_id", json!("u2"))).await.code(), (403, "actor_mismatch"));
    let forged = enter(&app, &writer, None, &with("metadata", json!({"amoId": "other"}))).await;
    assert_eq!((forged.status, &forged.body["fields"][0]["field"]), (422, &json!("metadata.amoId")));
    let told = app.outbox().await;
    let reasons: Vec<_> =
        told.iter().map(|event| (event.event_type.as_str(), event.metadata.text("reason").unwrap(), event.metadata.text("named").unwrap())).collect();
    let of = |reason: &str, named: &str| ("audit.event.refused", reason.to_owned(), named.to_owned());
    assert_eq!(reasons, [of("actor_mismatch", "u2"), of("tenant_mismatch", "other")]);
    for (entry, field) in [
        (with("entity_type", json!("qms.document")), "entity_type"),
        (with("entity_type", json!("x".repeat(65))), "entity_type"),
        (with("entity_id", json!("x".repeat(300))), "entity_id"),
        (with("action", json!("")), "action"),
        (with("occurred_at", json!("2020-01-01T00:00:00Z")), "occurred_at"),
        (with("occurred_at", json!("2199-01-01T00:00:00Z")), "occurred_at"),
        (with("correlation_id", json!("x".repeat(300))), "correlation_id"),
    ] {
        let answer = enter(&app, &writer, None, &entry).await;
        assert_eq!((answer.status, &answer.body["fields"][0]["field"]), (422, &json!(field)), "{answer:?}");
    }
    assert_eq!(enter(&app, &writer, None, &with("after", json!({"x": "y".repeat(70_000)}))).await.status, 413);
    assert_eq!(app.outbox().await.len(), 2, "nothing else was kept");
}

#[tokio::test]
async fn a_request_under_a_key_is_done_once() {
    let app = App::new().await;
    let entry = |id: &str| json!({"entity_type": "x", "entity_id": id, "action": "done"});
    let writer = who("acme", &["writer"]);
    let first = enter(&app, &writer, Some("k1"), &entry("1")).await;
    let again = enter(&app, &writer, Some("k1"), &entry("1")).await;
    assert_eq!((first.status, again.status, &first.body), (201, 201, &again.body));
    assert_eq!(enter(&app, &writer, Some("k1"), &entry("2")).await.code(), (422, "idempotency_key_reused"));
    assert_ne!(enter(&app, &writer, Some("k2"), &entry("1")).await.body["id"], first.body["id"]);
    assert_ne!(enter(&app, &who("other", &["writer"]), Some("k1"), &entry("1")).await.body["id"], first.body["id"]);
    assert_eq!(enter(&app, &writer, Some(&"k".repeat(300)), &entry("1")).await.code(), (422, "too_long"));
    assert_eq!(app.outbox().await.len(), 3);
}
