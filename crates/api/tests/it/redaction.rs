//! Requests for redactions, and rules: kept, listed, told of; by admins only.

use serde_json::{Value, json};

use crate::app::{Answer, App, admin, ask, root, who};

const JOBS: &str = "/api/archive/redactions";
const RULES: &str = "/api/archive/redaction-rules";
const ID: &str = "00000000-0000-0000-0000-000000000001";

fn fields(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.code(), (422, "validation"), "{answer:?}");
    answer.body["fields"].as_array().unwrap().iter().map(|fault| fault["field"].as_str().unwrap().to_owned()).collect()
}

fn rule(name: &str) -> Value {
    json!({"name": name, "types": ["auth"], "fields": ["metadata.email", "actor"], "afterDays": 30})
}

#[tokio::test]
async fn a_request_is_kept_and_shown_to_its_tenant() {
    let app = App::new().await;
    let asked = app.send(&admin("acme"), "POST", JOBS, json!({"ids": [ID], "fields": ["actor"], "reason": "request 17"})).await;
    assert_eq!((asked.status, &asked.body["state"], &asked.body["ids"], &asked.body["requestedBy"]), (202, &json!("queued"), &json!([ID]), &json!("u1")));
    let path = format!("{JOBS}/{}", asked.body["id"].as_str().unwrap());
    assert_eq!(asked.headers["location"].to_str().unwrap(), path);
    assert_eq!(app.get(&admin("acme"), &path).await.body, asked.body);
    let body = json!({"entityId": "1", "from": "2026-01-01T00:00:00Z", "fields": ["message"], "reason": "r", "dryRun": true});
    let dry = app.send(&root(), "POST", &format!("{JOBS}?account_id=acme"), body).await.body;
    assert_eq!((&dry["dryRun"], &dry["selection"]), (&json!(true), &json!({"entityId": "1", "from": "2026-01-01T00:00:00.000000Z"})));
    let listed = app.get(&admin("acme"), &format!("{JOBS}?limit=1")).await.body;
    assert_eq!((&listed["items"], &listed["next"]), (&json!([dry]), &dry["id"]));
    assert_eq!(app.get(&admin("acme"), &format!("{JOBS}?after={}", dry["id"].as_str().unwrap())).await.body["items"], json!([asked.body]));
    assert_eq!(app.get(&admin("other"), &path).await.code(), (404, "not_found"));
    assert_eq!(app.get(&admin("other"), JOBS).await.body["items"], json!([]));
    assert_eq!(app.get(&who("acme", &["writer"]), &path).await.code(), (403, "role_forbidden"));
    assert!(app.outbox().await.is_empty(), "what is done is told of, not what is asked");
}

#[tokio::test]
async fn bad_requests_name_their_fields_and_keep_nothing() {
    let app = App::new().await;
    assert_eq!(
        fields(&app.send(&admin("acme"), "POST", JOBS, json!({"fields": ["id"], "dryRun": "x", "entity_id": "1"})).await),
        ["fields.0", "reason", "dryRun", "entity_id"]
    );
    assert_eq!(fields(&app.send(&admin("acme"), "POST", RULES, json!({"name": "", "fields": [], "afterDays": -1})).await), ["name", "fields", "afterDays"]);
    assert_eq!(app.get(&admin("acme"), JOBS).await.body["items"], json!([]));
    assert_eq!(app.get(&admin("acme"), RULES).await.body["items"], json!([]));
    for n in 0..20 {
        assert_eq!(app.send(&admin("acme"), "POST", JOBS, json!({"entityId": n.to_string(), "fields": ["actor"], "reason": "r"})).await.status, 202);
    }
    let more = app.send(&admin("acme"), "POST", JOBS, json!({"entityId": "x", "fields": ["actor"], "reason": "r"})).await;
    assert_eq!(more.code(), (409, "too_many_redactions"));
}

#[tokio::test]
async fn rules_are_made_changed_and_deleted() {
    let app = App::new().await;
    let made = app.send(&admin("acme"), "POST", RULES, rule("emails")).await;
    assert_eq!((made.status, &made.body["enabled"], &made.body["fields"]), (201, &json!(true), &json!(["actor", "metadata.email"])));
    let path = format!("{RULES}/{}", made.body["id"].as_str().unwrap());
    for (method, body) in [("PUT", rule("x")), ("DELETE", json!({}))] {
        assert_eq!(app.send(&admin("other"), method, &path, body.clone()).await.code(), (404, "not_found"), "{method}");
        assert_eq!(app.send(&who("acme", &["writer"]), method, &path, body).await.code(), (403, "role_forbidden"), "{method}");
    }
    let changed =
        app.send(&admin("acme"), "PUT", &path, json!({"name": "mail", "category": "auth", "fields": ["actor"], "afterDays": 0, "enabled": false})).await;
    assert_eq!((changed.status, &changed.body["name"], &changed.body["types"], &changed.body["enabled"]), (200, &json!("mail"), &json!([]), &json!(false)));
    assert_eq!(app.get(&admin("acme"), RULES).await.body["items"], json!([changed.body]));
    assert_eq!(app.send(&admin("acme"), "DELETE", &path, json!({})).await.status, 204);
    assert_eq!(app.send(&admin("acme"), "DELETE", &path, json!({})).await.code(), (404, "not_found"));
    let told: Vec<String> = app.outbox().await.iter().map(|event| format!("{} {}", event.event_type, event.entity_name.as_deref().unwrap())).collect();
    assert_eq!(told, ["archive.redaction_rule.saved emails", "archive.redaction_rule.saved mail", "archive.redaction_rule.deleted mail"]);
    let kept: Value = serde_json::from_str(app.outbox().await[0].metadata.get("rule").unwrap()).unwrap();
    assert_eq!((&kept["afterDays"], &kept["types"]), (&json!(30), &json!(["auth"])));
}

#[tokio::test]
async fn repeated_requests_are_done_once() {
    let app = App::new().await;
    let send = async |path: &str, body: Value| {
        let who = admin("acme");
        ask(&app.router, "POST", path, &[("authorization", &who.0), ("content-type", "application/json"), ("idempotency-key", "k")], &body.to_string()).await
    };
    let request = json!({"ids": [ID], "fields": ["actor"], "reason": "r"});
    let (first, second) = (send(JOBS, request.clone()).await, send(JOBS, request).await);
    assert_eq!((first.status, &first.body["id"]), (202, &second.body["id"]));
    let (first, second) = (send(RULES, rule("a")).await, send(RULES, rule("a")).await);
    assert_eq!((first.status, &first.body), (201, &second.body));
    assert_eq!(send(RULES, rule("b")).await.code(), (422, "idempotency_key_reused"));
    assert_eq!((app.get(&admin("acme"), JOBS).await.body["items"].as_array().unwrap().len(), app.outbox().await.len()), (1, 1));
}
