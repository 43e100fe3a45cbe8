//! Bulk updates of support tickets.

use serde_json::{Value, json};
use slipstream_event::Event;

use crate::app::{App, admin, root, who};

const PATH: &str = "/copilot/support-tickets";
const BULK: &str = "/copilot/support-tickets/bulk-update";
const NOWHERE: &str = "00000000-0000-0000-0000-000000000001";

async fn ticket(app: &App, account: &str) -> String {
    app.send(&admin(account), "POST", PATH, json!({"subject": "Printer", "description": "x", "assigned_to": "u7"})).await.id()
}

fn told(events: &[Event]) -> Vec<(&str, &str)> {
    events.iter().map(|event| (event.tenant_id.as_str(), event.event_type.as_str().strip_prefix("copilot.").unwrap())).collect()
}

#[tokio::test]
async fn changes_what_is_there_and_names_what_is_not() {
    let app = App::new().await;
    let (a, b, foreign) = (ticket(&app, "acme").await, ticket(&app, "acme").await, ticket(&app, "other").await);
    let body = json!({"ticket_ids": [b, NOWHERE, a, b, foreign, ""], "status": "CLOSED", "assigned_to": null, "account_id": "other"});
    let answer = app.send(&admin("acme"), "POST", BULK, body).await;
    let want = json!({"data": {"updated_count": 2, "skipped_count": 2, "updated_ids": [b, a], "skipped_ids": [NOWHERE, foreign]}});
    assert_eq!(answer.body, want);
    let row = app.get(&admin("acme"), &format!("{PATH}/{a}")).await.body["data"].clone();
    assert_eq!((&row["status"], &row["assigned_to"], &row["updated_by"]), (&json!("CLOSED"), &Value::Null, &Value::Null));
    assert_eq!(app.get(&admin("other"), &format!("{PATH}/{foreign}")).await.body["data"]["status"], "OPEN");
    let events = app.outbox().await.split_off(3);
    assert_eq!(told(&events)[4], ("acme", "bulk.completed"));
    assert_eq!(told(&events)[..2], [("acme", "support_ticket.status_changed"), ("acme", "support_ticket.assigned")]);
    assert_eq!((events.len(), events.iter().all(|event| event.batch_id == events[4].batch_id && event.batch_id.is_some())), (5, true));
    assert_eq!(events[4].metadata.iter().skip(2).take(4).map(|(_, value)| value).collect::<Vec<_>>(), ["\"support_tickets.bulk_update\"", "2", "2", "2"]);
}

#[tokio::test]
async fn a_super_admin_reaches_all_accounts_or_the_one_it_names() {
    let app = App::new().await;
    let (a, b) = (ticket(&app, "acme").await, ticket(&app, "other").await);
    let named = app.send(&root(), "POST", BULK, json!({"ticket_ids": [a, b], "priority": "LOW", "account_id": "acme"})).await;
    assert_eq!(named.body["data"]["updated_ids"], json!([a]));
    let all = app.send(&root(), "POST", BULK, json!({"ticket_ids": [a, b], "status": "PENDING"})).await;
    assert_eq!(all.body["data"]["updated_ids"], json!([a, b]));
    let events = app.outbox().await.split_off(2);
    let mut told = told(&events);
    told[2..4].sort_unstable();
    let want = [
        ("acme", "support_ticket.updated"),
        ("acme", "bulk.completed"),
        ("acme", "support_ticket.status_changed"),
        ("other", "support_ticket.status_changed"),
        ("platform", "bulk.completed"),
    ];
    assert_eq!(told, want);
    assert_eq!(events[4].metadata.get("accountIds"), Some(r#"["acme","other"]"#));
}

#[tokio::test]
async fn refuses_what_names_nothing() {
    let app = App::new().await;
    let id = ticket(&app, "acme").await;
    for (body, want) in [
        (json!({}), (400, "no_targets")),
        (json!({"ticket_ids": [], "status": "OPEN"}), (400, "no_targets")),
        (json!({"ticket_ids": ["", " "], "status": "OPEN"}), (400, "no_targets")),
        (json!({"ticket_ids": [id]}), (400, "no_fields")),
        (json!({"ticket_ids": [id], "subject": "x"}), (400, "no_fields")),
        (json!({"ticket_ids": ["nonsense"], "status": "OPEN"}), (422, "validation")),
        (json!({"ticket_ids": "x", "status": "OPEN"}), (422, "validation")),
        (json!({"ticket_ids": [id], "status": "open"}), (422, "validation")),
    ] {
        assert_eq!(app.send(&admin("acme"), "POST", BULK, body.clone()).await.code(), want, "{body}");
    }
    assert_eq!(app.send(&who("acme", &["reader"]), "POST", BULK, json!({})).await.code(), (403, "role_forbidden"));
    let same = app.send(&admin("acme"), "POST", BULK, json!({"ticket_ids": [id], "status": "OPEN"})).await;
    assert_eq!((same.status, same.body["data"]["updated_count"].clone()), (200, json!(1)));
    assert_eq!(app.outbox().await.len(), 1, "what changes nothing is not told");
}
