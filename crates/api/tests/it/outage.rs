//! Without a database.

use serde_json::json;
use slipstream_access::Class;
use slipstream_store::{Config, Role, Store};

use crate::app::{admin, ask, root, router};
use crate::cluster::{Cluster, until};

#[tokio::test]
async fn every_route_answers_503_with_a_time_to_retry() {
    let nowhere = |role| Store::open(Config::new("postgres://nobody@localhost/none?host=/nonexistent", role)).unwrap();
    let router = router(nowhere(Role::Api), nowhere(Role::Reader));
    let id = "00000000-0000-0000-0000-000000000001";
    let body = json!({
        "subject": "x", "description": "y", "status": "OPEN", "ticket_ids": [id], "name": "x", "query": {}, "entity_type": "x", "entity_id": "y", "action": "z",
        "enabled": true, "max_days": 5, "max_entries": 500,
    })
    .to_string();
    for route in slipstream_api::ROUTES.iter() {
        let path = match route.path {
            "/api/events/export" => "/api/events/export?format=csv".to_owned(),
            path if path.ends_with("/analytics/top") => format!("{path}?of=actors"),
            "/api/ledger/consistency" => "/api/ledger/consistency?from=0&to=1".to_owned(),
            path => path.replace("{id}", id),
        };
        let body = match route.path {
            "/api/exports" => r#"{"format":"csv"}"#,
            "/api/archive/holds" => r#"{"name":"x","reason":"y"}"#,
            "/api/archive/redactions" => r#"{"entityId":"x","fields":["actor"],"reason":"y"}"#,
            "/api/archive/redaction-rules" | "/api/archive/redaction-rules/{id}" => r#"{"name":"x","fields":["actor"],"afterDays":1}"#,
            "/api/archive/holds/{id}/release" | "/api/archive/retention/preview" => "{}",
            "/api/archive/retention" => r#"{"rules":[]}"#,
            _ => &body,
        };
        let caller = if route.class == Class::SuperAdmin { root() } else { admin("acme") };
        let headers = [("authorization", caller.0), ("content-type", "application/json".to_owned())];
        let answer = ask(&router, route.method, &path, &headers.each_ref().map(|(name, value)| (*name, value.as_str())), body).await;
        assert_eq!(answer.code(), (503, "storage_unavailable"), "{} {path}", route.method);
        assert!(answer.headers["retry-after"].to_str().unwrap().parse::<u32>().unwrap() >= 1);
        assert!(!answer.body.to_string().contains("nonexistent"), "no inner words reach the client");
    }
}

#[tokio::test]
async fn it_goes_on_when_the_database_is_back() {
    let cluster = Cluster::own().await;
    let db = cluster.database().await;
    let router = router(db.store(Role::Api), db.store(Role::Reader));
    let list = async || ask(&router, "GET", "/copilot/support-tickets", &[("authorization", &admin("acme").0)], "").await;
    assert_eq!(list().await.status, 200);
    cluster.kill().await;
    until("the outage is seen", async || list().await.code() == (503, "storage_unavailable")).await;
    cluster.start();
    until("it works again", async || list().await.status == 200).await;
}
