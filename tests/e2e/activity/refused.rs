//! Refused calls of known callers are entries of their tenant's log, never with what they were refused for trying with.

use serde_json::{Value, json};
use slipstream_tests::{Http, Setup, Stack, eventually};

use super::{LOG, list, member, publish_classes, shows};
use crate::texts;

const AUTH: &str = "categories=auth&severities=warning&limit=200";

/// Waits until the log has so many entries about refusals; the oldest first.
async fn refusals(http: &Http, count: usize) -> Vec<Value> {
    eventually("the refusals are told", async || {
        let mut entries = list(http, AUTH).await["entries"].as_array().unwrap().clone();
        entries.reverse();
        if entries.len() == count { Ok(entries) } else { Err(entries) }
    })
    .await
}

#[tokio::test]
async fn a_refused_caller_is_told_of_five_times_and_then_as_a_number() {
    let (stack, node) = Stack::with_node().await;
    let (admin, member, other) = (stack.http(&node, "acme"), member(&stack, &node), stack.http(&node, "other"));
    for _ in 0..8 {
        member.send("DELETE", LOG, &[], "").await.unwrap().problem(403, "role_forbidden");
    }
    let foreign = admin.send("GET", LOG, &[("x-account-id", "other")], "").await.unwrap();
    foreign.problem(403, "account_mismatch");
    let told = refusals(&admin, 6).await;
    let of_member: Vec<&Value> = told.iter().filter(|entry| entry["actor_user_id"] == "u2").collect();
    assert_eq!(of_member.len(), 5);
    assert_eq!((&of_member[0]["type"], &of_member[0]["metadata"]), (&json!("audit.access.refused"), &json!({"reason": "role_forbidden", "route": LOG})));
    assert_eq!(told.iter().filter(|entry| entry["metadata"]["reason"] == "account_mismatch").count(), 1);
    assert_eq!(list(&member, AUTH).await["total"], 0, "for admins only");
    assert_eq!(list(&other, AUTH).await["total"], 0, "a caller that names a foreign account is told of in its own");
    // The rest is told when its minute is over, or the process stops.
    node.stop().await;
    node.restart().await;
    let admin = stack.http(&node, "acme");
    let told = refusals(&admin, 7).await;
    assert_eq!(
        (&told[6]["type"], &told[6]["metadata"], &told[6]["actor_user_id"]),
        (&json!("audit.access.suppressed"), &json!({"suppressed": 3}), &json!("u2"))
    );
    let token = stack.token_of("u2", "acme", &["reader"]);
    let stored = stack.sql("select string_agg(payload, ' ') from slipstream.event").await;
    assert!(!stored.contains(&token) && !stored.contains(token.rsplit('.').next().unwrap()), "no credential");
    // Nobody's credential has no tenant, so it is nowhere.
    Http::new(node.url(), Some("nonsense".to_owned())).get(LOG).await.problem(401, "auth_invalid");
    publish_classes(&admin, &["tenant"]).await;
    eventually("it is listed", async || match list(&admin, "categories=entity").await["total"].as_u64() {
        Some(1) => Ok(()),
        other => Err(other),
    })
    .await;
    assert_eq!(refusals(&admin, 7).await.len(), 7);
}

#[tokio::test]
async fn a_refusal_does_not_wait_for_the_database() {
    let stack = Setup::default().own_postgres().start().await;
    let node = stack.node("api,gateway,relay,archiver").await;
    let (admin, member) = (stack.http(&node, "acme"), member(&stack, &node));
    publish_classes(&admin, &["tenant"]).await;
    shows(&admin, &["tenant"]).await;
    stack.cluster.server.kill().await;
    let begun = std::time::Instant::now();
    for _ in 0..50 {
        member.send("DELETE", LOG, &[], "").await.unwrap().problem(403, "role_forbidden");
    }
    assert!(begun.elapsed() < std::time::Duration::from_secs(2), "{:?}", begun.elapsed());
    stack.cluster.server.restart().await.unwrap();
    eventually("the log answers again", async || match admin.get(LOG).await {
        answer if answer.status == 200 => Ok(()),
        answer => Err(answer),
    })
    .await;
    assert_eq!(texts(list(&admin, "categories=entity").await["entries"].as_array().unwrap(), "entity_id"), ["tenant"]);
}
