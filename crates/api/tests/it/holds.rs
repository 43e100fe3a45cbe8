//! Legal holds: placed, listed, released; told of; by admins only.

use serde_json::{Value, json};

use crate::app::{Answer, App, admin, ask, who};

const PATH: &str = "/api/archive/holds";

fn fields(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.code(), (422, "validation"), "{answer:?}");
    answer.body["fields"].as_array().unwrap().iter().map(|fault| fault["field"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_hold_is_placed_listed_and_released() {
    let app = App::new().await;
    let body = json!({"name": " Case 12 ", "reason": "investigation", "category": "auth", "entityType": "fleet.aircraft", "entityId": "D-ABCD", "actorUserId": "u7",
                      "occurredFrom": "2026-01-01T00:00:00Z", "occurredTo": "2026-02-01T00:00:00Z"});
    let placed = app.send(&admin("acme"), "POST", PATH, body).await;
    assert_eq!(
        (placed.status, &placed.body["name"], &placed.body["placedBy"], &placed.body["releasedAt"]),
        (201, &json!("Case 12"), &json!("u1"), &Value::Null)
    );
    let second = app.send(&admin("acme"), "POST", PATH, json!({"name": "All", "reason": "audit"})).await;
    assert_eq!((second.status, &second.body["entityId"]), (201, &Value::Null));
    let listed = app.get(&admin("acme"), &format!("{PATH}?limit=1")).await;
    assert_eq!((&listed.body["items"], &listed.body["next"]), (&json!([second.body]), &second.body["id"]), "newest first");
    let rest = app.get(&admin("acme"), &format!("{PATH}?limit=5&after={}", second.body["id"].as_str().unwrap())).await;
    assert_eq!((&rest.body["items"], &rest.body["next"]), (&json!([placed.body]), &Value::Null));

    let release = format!("{PATH}/{}/release", placed.body["id"].as_str().unwrap());
    assert_eq!(app.send(&admin("other"), "POST", &release, json!({})).await.code(), (404, "not_found"));
    assert_eq!(app.send(&admin("acme"), "POST", &format!("{PATH}/x/release"), json!({})).await.code(), (404, "not_found"));
    assert_eq!(fields(&app.send(&admin("acme"), "POST", &release, json!({"reason": 5, "x": 1})).await), ["reason", "x"]);
    let released = app.send(&admin("acme"), "POST", &release, json!({"reason": "closed"})).await;
    assert_eq!((released.status, &released.body["releasedBy"], &released.body["releaseReason"]), (200, &json!("u1"), &json!("closed")));
    let again = app.send(&admin("acme"), "POST", &release, json!({"reason": "once more"})).await;
    assert_eq!((again.status, &again.body), (200, &released.body), "a release is not repeated");
    assert!(app.get(&admin("other"), PATH).await.body["items"].as_array().unwrap().is_empty());

    let told: Vec<String> = app.outbox().await.iter().map(|event| format!("{} {}", event.event_type, event.entity_name.as_deref().unwrap())).collect();
    assert_eq!(told, ["archive.hold.placed Case 12", "archive.hold.placed All", "archive.hold.released Case 12"]);
    let hold: Value = serde_json::from_str(app.outbox().await[0].metadata.get("hold").unwrap()).unwrap();
    assert_eq!((&hold["entityId"], &hold["occurredTo"]), (&json!("D-ABCD"), &json!("2026-02-01T00:00:00.000000Z")));
}

#[tokio::test]
async fn faults_are_named_at_once_and_nothing_is_placed() {
    let app = App::new().await;
    let body = json!({"name": "", "category": "zoo", "entityType": 5, "entityId": "x".repeat(300), "entity_id": "1", "occurredFrom": "2026-02-01T00:00:00Z",
                      "occurredTo": "2026-01-01T00:00:00Z"});
    let refused = app.send(&admin("acme"), "POST", PATH, body).await;
    assert_eq!(fields(&refused), ["occurredFrom", "name", "reason", "category", "entityType", "entityId", "entity_id"]);
    assert_eq!(fields(&app.get(&admin("acme"), &format!("{PATH}?limit=0&after=x")).await), ["limit", "after"]);
    for roles in [&["reader"][..], &["writer"], &[]] {
        assert_eq!(app.send(&who("acme", roles), "POST", PATH, json!({"name": "n", "reason": "r"})).await.code(), (403, "role_forbidden"));
    }
    assert!(app.outbox().await.is_empty() && app.get(&admin("acme"), PATH).await.body["items"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn a_repeated_request_places_one_hold() {
    let app = App::new().await;
    let send = async |key: &str, name: &str| {
        let (who, body) = (admin("acme"), json!({"name": name, "reason": "r"}).to_string());
        ask(&app.router, "POST", PATH, &[("authorization", &who.0), ("content-type", "application/json"), ("idempotency-key", key)], &body).await
    };
    let (first, second) = (send("k", "a").await, send("k", "a").await);
    assert_eq!((first.status, &first.body), (201, &second.body));
    assert_eq!(send("k", "b").await.code(), (422, "idempotency_key_reused"));
    assert_eq!(send("", "b").await.code(), (422, "empty"));
    assert_eq!((app.outbox().await.len(), app.get(&admin("acme"), PATH).await.body["items"].as_array().unwrap().len()), (1, 1));
}
