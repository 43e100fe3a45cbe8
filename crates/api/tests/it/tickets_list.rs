//! Support tickets, many at a time: lists, pages, people, counts.

use serde_json::{Value, json};

use crate::app::{App, admin, root, who};

const PATH: &str = "/copilot/support-tickets";
const PERSON: &str = "00000000-0000-0000-0000-0000000000aa";

/// Tickets t1, t2, … of an account, made one after the other.
async fn with(tickets: &[(&str, Value)]) -> App {
    let app = App::new().await;
    for (i, (account, more)) in tickets.iter().enumerate() {
        let mut body = json!({"subject": format!("t{}", i + 1), "description": "some words"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        app.send(&admin(account), "POST", PATH, body).await.id();
    }
    app
}

fn subjects(body: &Value) -> Vec<&str> {
    body["data"].as_array().unwrap().iter().map(|ticket| ticket["subject"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn filters_narrow_the_list() {
    let app = with(&[
        ("acme", json!({"status": "PENDING", "assigned_to": "u7", "user_profile_id": "p1"})),
        ("acme", json!({"priority": "URGENT", "description": "50% of 100_000"})),
        ("other", json!({})),
        ("acme", json!({"assigned_to": "u8"})),
    ])
    .await;
    for (query, want) in [
        ("", ["t4", "t2", "t1"].as_slice()),
        ("?status=PENDING", &["t1"]),
        ("?priority=URGENT", &["t2"]),
        ("?assigned_to=u7", &["t1"]),
        ("?assigned_to=NuLL", &["t2"]),
        ("?user_profile_id=p1", &["t1"]),
        ("?search_text=T2", &["t2"]),
        ("?search_text=0%25%20OF%20100_", &["t2"]),
        ("?search_text=%25", &["t2"]),
        ("?search_text=nothing", &[]),
        ("?status=PENDING&assigned_to=u8", &[]),
        ("?limit=1&offset=1", &["t2"]),
        ("?unknown=1&status=", &["t4", "t2", "t1"]),
    ] {
        let answer = app.get(&who("acme", &["reader"]), &format!("{PATH}{query}")).await;
        assert_eq!(subjects(&answer.body), want, "{query}");
        assert_eq!(answer.body["data"], answer.body["tickets"]);
    }
    let page = app.get(&admin("acme"), &format!("{PATH}?limit=1")).await;
    assert_eq!(page.body["total"], 3, "the total is of the filter, not of the page");
    assert_eq!(subjects(&app.get(&root(), PATH).await.body), ["t4", "t3", "t2", "t1"]);
    assert_eq!(subjects(&app.get(&root(), &format!("{PATH}?account_id=other")).await.body), ["t3"]);
}

#[tokio::test]
async fn bad_parameters_are_named_together() {
    let app = App::new().await;
    let answer = app.get(&admin("acme"), &format!("{PATH}?limit=501&offset=-1&status=open&priority=HIGH&include_user_profile=perhaps")).await;
    let mut fields: Vec<&str> = answer.body["fields"].as_array().unwrap().iter().map(|fault| fault["field"].as_str().unwrap()).collect();
    fields.sort_unstable();
    assert_eq!((answer.code(), fields), ((422, "validation"), vec!["include_user_profile", "limit", "offset", "priority", "status"]));
    assert_eq!(app.get(&admin("acme"), &format!("{PATH}?limit=0")).await.code(), (422, "validation"));
    assert_eq!(app.get(&admin("acme"), &format!("{PATH}?cursor=nonsense")).await.code(), (400, "cursor_invalid"));
}

#[tokio::test]
async fn cursors_go_through_all_rows_once() {
    let app = with(&(0..7).map(|_| ("acme", json!({}))).collect::<Vec<_>>()).await;
    // Rows of one moment: the id breaks the tie.
    app.sql("update copilot.support_tickets set created_at = date_trunc('hour', created_at)").await;
    let (mut seen, mut path) = (Vec::new(), format!("{PATH}?limit=2"));
    loop {
        let page = app.get(&admin("acme"), &path).await;
        seen.extend(subjects(&page.body).into_iter().map(str::to_owned));
        let Some(cursor) = page.body["next_cursor"].as_str() else { break };
        assert_eq!(app.get(&admin("other"), &format!("{PATH}?cursor={cursor}")).await.code(), (400, "cursor_invalid"));
        path = format!("{PATH}?limit=2&cursor={cursor}");
    }
    seen.sort();
    assert_eq!(seen, ["t1", "t2", "t3", "t4", "t5", "t6", "t7"]);
}

#[tokio::test]
async fn people_are_shown_when_asked_for_and_known() {
    let app =
        with(&[("acme", json!({"assigned_to": PERSON, "user_profile_id": "a profile of another system"})), ("other", json!({"assigned_to": PERSON}))]).await;
    app.sql(&format!("insert into copilot.users (id, account_id, email, name) values ('{PERSON}', 'acme', 'grace@acme.example', 'Grace')")).await;
    let list = async |query: &str| app.get(&admin("acme"), &format!("{PATH}{query}")).await.body["data"][0].clone();
    assert_eq!(list("").await.get("assignedTo"), None);
    let ticket = list("?include_assigned_to=yes&include_user_profile=1").await;
    let grace = json!({"id": PERSON, "displayName": "Grace", "name": "Grace", "email": "grace@acme.example", "profile_image": null, "is_active": true});
    assert_eq!((ticket["assignedTo"].clone(), ticket.get("userProfile")), (grace.clone(), None));
    let one = format!("{PATH}/{}", ticket["id"].as_str().unwrap());
    assert_eq!(app.get(&admin("acme"), &one).await.body["data"]["assignedTo"], grace, "one ticket is shown with its people");
    assert_eq!(app.get(&admin("acme"), &format!("{one}?include_assigned_to=off")).await.body["data"].get("assignedTo"), None);
    let all = app.get(&root(), &format!("{PATH}?include_assigned_to=true")).await.body;
    let known: Vec<bool> = all["data"].as_array().unwrap().iter().map(|ticket| ticket.get("assignedTo").is_some()).collect();
    assert_eq!(known, [false, true], "a person of one account is nobody in another");
}

#[tokio::test]
async fn the_summary_counts() {
    let app = with(&[
        ("acme", json!({"priority": "URGENT"})),
        ("acme", json!({"status": "CLOSED"})),
        ("acme", json!({"status": "CLOSED", "priority": "URGENT"})),
        ("other", json!({})),
    ])
    .await;
    let path = format!("{PATH}/summary");
    let data = app.get(&who("acme", &["reader"]), &path).await.body["data"].clone();
    assert_eq!(data["totals"], json!({"total": 3, "active": 1, "urgent": 2}));
    assert_eq!(data["by_account"], json!([{"account_id": "acme", "total": 3, "active": 1, "urgent": 2}]));
    assert_eq!(data["by_status"], json!([{"status": "CLOSED", "total": 2}, {"status": "OPEN", "total": 1}]));
    assert_eq!(data["by_priority"], json!([{"priority": "URGENT", "total": 2}, {"priority": "MEDIUM", "total": 1}]));
    let all = app.get(&root(), &path).await.body["data"].clone();
    assert_eq!((&all["totals"]["total"], all["by_account"].as_array().unwrap().len()), (&json!(4), 2));
    assert_eq!(app.get(&root(), &format!("{path}?account_id=other")).await.body["data"]["totals"]["total"], 1);
    assert_eq!(app.get(&admin("empty"), &path).await.body["data"]["totals"]["total"], 0);
}
