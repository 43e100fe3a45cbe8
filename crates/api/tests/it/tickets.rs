//! Support tickets, one at a time: rows, events, and refusals.

use serde_json::{Value, json};

use crate::app::{App, admin, ask, root, who};

const PATH: &str = "/copilot/support-tickets";

fn printer() -> Value {
    json!({"subject": " Printer ", "description": "It is on fire", "created_by": "somebody else", "unknown": {"deep": 1}})
}

async fn count(app: &App) -> i64 {
    sqlx::query_scalar("select count(*) from copilot.support_tickets").fetch_one(&mut app.db.root().await).await.unwrap()
}

#[tokio::test]
async fn a_ticket_lives_and_every_change_is_told() {
    let (app, ada) = (App::new().await, admin("acme"));
    let made = app.send(&ada, "POST", PATH, printer()).await;
    let (id, ticket) = (made.id(), made.body["data"].clone());
    let keys: Vec<&str> = ticket.as_object().unwrap().keys().map(String::as_str).collect();
    let want = "id account_id user_profile_id subject description status priority assigned_to created_by updated_by created_at updated_at";
    assert_eq!(keys.join(" "), want);
    assert_eq!(
        (&ticket["subject"], &ticket["status"], &ticket["created_by"], &ticket["account_id"]),
        (&json!("Printer"), &json!("OPEN"), &json!("u1"), &json!("acme"))
    );
    let one = format!("{PATH}/{id}");
    assert_eq!(app.get(&ada, &one).await.body, json!({"data": ticket}));
    let changed = app.send(&ada, "PUT", &one, json!({"status": "RESOLVED", "assigned_to": "u7", "priority": "LOW"})).await;
    assert_eq!((&changed.body["data"]["status"], &changed.body["data"]["updated_by"]), (&json!("RESOLVED"), &json!("u1")));
    assert_eq!(app.send(&ada, "PUT", &one, json!({"assigned_to": null})).await.body["data"]["assigned_to"], Value::Null);
    assert_eq!(app.send(&ada, "DELETE", &one, json!({"ignored": true})).await.body, json!({"status": "ok"}));
    assert_eq!(app.get(&ada, &one).await.code(), (404, "not_found"));
    let events = app.outbox().await;
    let actions: Vec<&str> = events.iter().map(|event| event.action.as_str()).collect();
    assert_eq!(actions, ["created", "status_changed", "assigned", "updated", "assigned", "deleted"]);
    assert!(events.iter().all(|event| event.entity_id == id && event.tenant_id.as_str() == "acme" && event.actor.name.as_deref() == Some("Ada")));
    assert_eq!(events[1].changes.as_ref().unwrap().get("status"), Some(r#"{"before":"OPEN","after":"RESOLVED"}"#));
    assert_eq!(events[4].metadata.get("from"), Some("\"u7\""));
}

#[tokio::test]
async fn both_slash_forms_are_served() {
    let (app, ada) = (App::new().await, admin("acme"));
    app.send(&ada, "POST", &format!("{PATH}/"), printer()).await.id();
    assert_eq!(app.get(&ada, &format!("{PATH}/")).await.body["total"], 1);
    assert_eq!(app.get(&ada, PATH).await.body["total"], 1);
}

#[tokio::test]
async fn events_carry_the_request_they_come_from() {
    let app = App::new().await;
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let headers = [("authorization", admin("acme").0), ("x-request-id", "req-1".into()), ("traceparent", trace.into())];
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    ask(&app.router, "POST", PATH, &headers, &printer().to_string()).await.id();
    assert_eq!(app.outbox().await[0].correlation_id.as_deref(), Some("req-1"));
    let traces: Vec<Option<String>> = sqlx::query_scalar("select traceparent from slipstream.outbox").fetch_all(&mut app.db.root().await).await.unwrap();
    assert_eq!(traces, [Some(trace.to_owned())]);
}

#[tokio::test]
async fn a_change_that_changes_nothing_is_not_told() {
    let (app, ada) = (App::new().await, admin("acme"));
    let id = app.send(&ada, "POST", PATH, printer()).await.id();
    let answer = app.send(&ada, "PUT", &format!("{PATH}/{id}"), json!({"status": "OPEN", "subject": "Printer"})).await;
    assert_eq!((answer.status, app.outbox().await.len()), (200, 1));
}

#[tokio::test]
async fn null_leaves_alone_and_blank_takes_the_assignee_away() {
    let (app, ada) = (App::new().await, admin("acme"));
    let mut body = printer();
    body["assigned_to"] = json!("u7");
    let one = format!("{PATH}/{}", app.send(&ada, "POST", PATH, body).await.id());
    let put = async |body: Value| app.send(&ada, "PUT", &one, body).await.body["data"].clone();
    let row = put(json!({"subject": null, "status": null, "priority": "URGENT"})).await;
    assert_eq!((&row["subject"], &row["assigned_to"]), (&json!("Printer"), &json!("u7")));
    assert_eq!(put(json!({"assigned_to": "  "})).await["assigned_to"], Value::Null);
    assert_eq!(put(json!({"user_profile_id": "x", "subject": "New"})).await["user_profile_id"], Value::Null, "whose ticket it is stays");
}

#[tokio::test]
async fn bad_input_changes_nothing_and_is_named() {
    let (app, ada) = (App::new().await, admin("acme"));
    let id = app.send(&ada, "POST", PATH, printer()).await.id();
    let one = format!("{PATH}/{id}");
    let long = "x".repeat(501);
    for (method, path, body, want) in [
        ("POST", PATH, json!({}), (422, "validation")),
        ("POST", PATH, json!([1]), (422, "validation")),
        ("POST", PATH, json!({"subject": 5, "description": "x"}), (422, "validation")),
        ("POST", PATH, json!({"subject": "x", "description": "x", "status": "open"}), (422, "validation")),
        ("POST", PATH, json!({"subject": long, "description": "x"}), (422, "validation")),
        ("POST", PATH, json!({"subject": "a\u{0}b", "description": "x"}), (422, "validation")),
        ("POST", PATH, json!({"subject": "  ", "description": "x"}), (400, "field_empty")),
        ("PUT", &one, json!({}), (400, "no_fields")),
        ("PUT", &one, json!({"updated_by": "me", "subject": null}), (400, "no_fields")),
        ("PUT", &one, json!({"description": " "}), (400, "field_empty")),
        ("PUT", &one, json!({"priority": "HIGH"}), (422, "validation")),
        ("PUT", "/copilot/support-tickets/nonsense", json!({"subject": "x"}), (404, "not_found")),
        ("PUT", "/copilot/support-tickets/00000000-0000-0000-0000-000000000001", json!({}), (404, "not_found")),
        ("DELETE", "/copilot/support-tickets/nonsense", json!({}), (404, "not_found")),
    ] {
        assert_eq!(app.send(&ada, method, path, body.clone()).await.code(), want, "{method} {path} {body}");
    }
    assert_eq!((count(&app).await, app.outbox().await.len()), (1, 1));
    let detail = app.send(&ada, "POST", PATH, json!({"subject": "x", "description": "y", "status": "BLUE"})).await.body["detail"][0].clone();
    assert_eq!((&detail["type"], &detail["loc"], &detail["input"]), (&json!("enum"), &json!(["body", "status"]), &json!("BLUE")));
}

#[tokio::test]
async fn refusals_come_in_their_order() {
    let (app, viewer) = (App::new().await, who("acme", &["reader"]));
    let raw = async |who: &str, body: &str| ask(&app.router, "POST", PATH, &[("authorization", who)], body).await;
    assert_eq!(raw("Bearer nobody", "{\"subject\":").await.code(), (422, "validation"), "no JSON at all comes first");
    assert_eq!(raw(&viewer.0, "{}").await.code(), (403, "role_forbidden"), "the caller comes before the fields");
    assert_eq!(raw(&root().0, "{}").await.code(), (422, "validation"), "the fields come before the account");
    assert_eq!(raw(&root().0, r#"{"subject":"","description":""}"#).await.code(), (400, "account_required"), "the account comes before the rules");
}

#[tokio::test]
async fn another_tenants_ticket_is_not_there() {
    let (app, ada, eve) = (App::new().await, admin("acme"), admin("evil"));
    let one = format!("{PATH}/{}", app.send(&ada, "POST", PATH, printer()).await.id());
    for path in [one.clone(), format!("{one}?account_id=acme")] {
        assert_eq!(app.get(&eve, &path).await.code(), (404, "not_found"));
        assert_eq!(app.send(&eve, "PUT", &path, json!({"subject": "mine"})).await.code(), (404, "not_found"));
        assert_eq!(app.send(&eve, "DELETE", &path, json!({})).await.code(), (404, "not_found"));
    }
    assert_eq!(app.get(&eve, &format!("{PATH}?account_id=acme")).await.body["total"], 0);
    let made = app.send(&eve, "POST", &format!("{PATH}?account_id=acme"), printer()).await;
    assert_eq!(made.body["data"]["account_id"], "evil", "a foreign account is ignored");
    assert_eq!(app.get(&ada, &one).await.body["data"]["subject"], "Printer");
}

#[tokio::test]
async fn a_super_admin_writes_where_it_says_so() {
    let (app, root) = (App::new().await, root());
    assert_eq!(app.send(&root, "POST", PATH, printer()).await.code(), (400, "account_required"));
    let made = app.send(&root, "POST", &format!("{PATH}?account_id=acme"), printer()).await;
    let (id, account) = (made.id(), made.body["data"]["account_id"].clone());
    assert_eq!((account, app.outbox().await[0].tenant_id.as_str()), (json!("acme"), "acme"));
    let one = format!("{PATH}/{id}");
    assert_eq!(app.get(&root, &one).await.status, 200, "a read by id needs no account");
    assert_eq!(app.get(&root, &format!("{one}?account_id=other")).await.code(), (404, "not_found"));
    assert_eq!(app.send(&root, "PUT", &one, json!({"subject": "x"})).await.code(), (400, "account_required"));
    assert_eq!(app.send(&root, "PUT", &format!("{one}?account_id=other"), json!({"subject": "x"})).await.code(), (404, "not_found"));
    assert_eq!(app.send(&root, "PUT", &format!("{one}?account_id=acme"), json!({"subject": "x"})).await.status, 200);
    assert_eq!(app.send(&root, "DELETE", &one, json!({})).await.code(), (400, "account_required"));
    assert_eq!(app.send(&root, "POST", &format!("{PATH}?account_id=platform"), printer()).await.code(), (404, "account_not_found"));
}
