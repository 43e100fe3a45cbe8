//! Settings and clearing: at once, recorded, and the archive untouched.

use serde_json::{Value, json};
use slipstream_tests::{Answer, Http, Stack, eventually};

use super::{JSON, LOG, entities, list, member, publish_classes, shows};
use crate::texts;

const SETTINGS: &str = "/api/v1/activity-log/settings";

async fn put(http: &Http, body: &Value) -> Answer {
    http.send("PUT", SETTINGS, &[JSON], &body.to_string()).await.unwrap()
}

fn settings(enabled: bool, max_days: u32, max_entries: u32) -> Value {
    json!({"enabled": enabled, "max_days": max_days, "max_entries": max_entries})
}

/// The settings without what the log holds.
async fn kept(http: &Http) -> Value {
    let all = http.get(SETTINGS).await.expect(200);
    json!({"enabled": all["enabled"], "max_days": all["max_days"], "max_entries": all["max_entries"]})
}

/// Waits until the log's newest entries are of these types.
async fn newest(http: &Http, want: &[&str]) -> Value {
    eventually("the newest entries", async || {
        let page = list(http, &format!("limit={}", want.len())).await;
        if texts(page["entries"].as_array().unwrap(), "type") == want { Ok(page) } else { Err(page) }
    })
    .await
}

#[tokio::test]
async fn settings_are_kept_and_recorded_with_what_they_were() {
    let (stack, node) = Stack::with_node().await;
    let (admin, member) = (stack.http(&node, "acme"), member(&stack, &node));
    assert_eq!(kept(&member).await, settings(true, 90, 100_000));
    let mut body = settings(true, 30, 5_000);
    body["reason"] = json!("  less is more ");
    assert_eq!(put(&admin, &body).await.expect(200), settings(true, 30, 5_000));
    assert_eq!(kept(&member).await, settings(true, 30, 5_000));
    let page = newest(&admin, &["activity.settings.updated"]).await;
    let entry = &page["entries"][0];
    assert_eq!((&entry["category"], &entry["metadata"]["reason"]), (&json!("system"), &json!("less is more")));
    let recorded = |days: u32, entries: u32| json!({"enabled": true, "maxDays": days, "maxEntries": entries});
    assert_eq!((&entry["metadata"]["before"], &entry["metadata"]["after"]), (&recorded(90, 100_000), &recorded(30, 5_000)));
    put(&member, &body).await.problem(403, "role_forbidden");
    let faulty = put(&admin, &json!({"enabled": "yes", "max_days": 0, "max_entries": 10_000_001, "reason": 7})).await.problem(422, "validation");
    assert_eq!(texts(faulty["fields"].as_array().unwrap(), "field"), ["enabled", "max_days", "max_entries", "reason"]);
    let missing = put(&admin, &json!({"enabled": true})).await.problem(422, "validation");
    assert_eq!(texts(missing["fields"].as_array().unwrap(), "field"), ["max_days", "max_entries"]);
    put(&admin, &json!({"enabled": true, "max_days": 1, "max_entries": 100, "reason": "x".repeat(501)})).await.problem(422, "validation");
    assert_eq!(kept(&admin).await, settings(true, 30, 5_000), "nothing has changed");
}

#[tokio::test]
async fn settings_tell_what_the_log_holds_of_what_the_caller_sees() {
    let (stack, node) = Stack::with_node().await;
    let (admin, member) = (stack.http(&node, "acme"), member(&stack, &node));
    let empty = admin.get(SETTINGS).await.expect(200);
    assert_eq!((&empty["entries"], &empty["oldest"]), (&json!(0), &Value::Null));
    publish_classes(&admin, &["admin", "tenant", "admin"]).await;
    let entries = list_of(&admin, 3).await;
    let held = async |http: &Http| http.get(SETTINGS).await.expect(200);
    let (all, seen) = (held(&admin).await, held(&member).await);
    assert_eq!((&all["entries"], &all["entries_is_estimate"], &all["oldest"]), (&json!(3), &json!(false), &entries[2]["ts"]));
    assert_eq!((&seen["entries"], &seen["oldest"]), (&json!(1), &entries[1]["ts"]), "a member sees one of them");
    let next = all["next_prune_at"].as_str().unwrap();
    assert!(next.ends_with("0:00.000000Z") && next > entries[0]["ts"].as_str().unwrap(), "{next}");
}

/// The log's entries, once there are so many.
async fn list_of(http: &Http, count: usize) -> Vec<Value> {
    eventually("the entries", async || {
        let page = list(http, "").await;
        let entries = page["entries"].as_array().unwrap().clone();
        if entries.len() == count { Ok(entries) } else { Err(page) }
    })
    .await
}

#[tokio::test]
async fn a_log_that_is_off_shows_that_it_was_turned_off_and_nothing_until_it_is_on() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    publish_classes(&http, &["tenant"]).await;
    put(&http, &settings(false, 90, 100_000)).await.expect(200);
    publish_classes(&http, &["quality"]).await;
    eventually("all are archived", async || match http.history("").await.len() {
        4 => Ok(()),
        other => Err(other),
    })
    .await;
    newest(&http, &["activity.log.disabled", "activity.settings.updated", "shop.order.created"]).await;
    put(&http, &settings(true, 90, 100_000)).await.expect(200);
    publish_classes(&http, &["admin"]).await;
    // What is published and what is committed come into the log by ways of their own.
    let page = eventually("all but what was silent is shown", async || match list(&http, "").await {
        page if page["total"] == 6 => Ok(page),
        page => Err(page),
    })
    .await;
    let mut types = texts(page["entries"].as_array().unwrap(), "type");
    types.sort();
    let turned = ["activity.log.disabled", "activity.log.enabled"];
    assert_eq!(types, [&turned[..], &["activity.settings.updated"; 2], &["shop.order.created"; 2]].concat());
    let entities = entities(&page);
    assert!(entities.contains(&"admin".to_owned()) && !entities.contains(&"quality".to_owned()), "{entities:?}");
    assert_eq!(http.history("").await.len(), 7, "the archive goes on recording");
}

#[tokio::test]
async fn a_clearing_leaves_the_archive_and_is_an_entry_itself() {
    let (stack, node) = Stack::with_node().await;
    let (admin, member) = (stack.http(&node, "acme"), member(&stack, &node));
    publish_classes(&admin, &["tenant", "quality", "platform"]).await;
    shows(&admin, &["quality", "tenant"]).await;
    let cleared = admin.send("DELETE", &format!("{LOG}?reason=trial"), &[("accept", "application/json")], "").await.unwrap();
    assert_eq!(cleared.expect(200), json!({"cleared": 2}));
    shows(&admin, &["activity-log"]).await;
    let entry = list(&member, "").await["entries"][0].clone();
    assert_eq!((&entry["type"], &entry["metadata"]), (&json!("activity.log.cleared"), &json!({"cleared": 2, "reason": "trial"})));
    assert_eq!(admin.history("").await.len(), 3);
    publish_classes(&admin, &["admin"]).await;
    shows(&admin, &["admin", "activity-log"]).await;
    let plain = admin.send("DELETE", LOG, &[("accept", "*/*")], "").await.unwrap();
    assert_eq!((plain.status, plain.text.as_str()), (204, ""));
    shows(&admin, &["activity-log"]).await;
    admin.send("DELETE", &format!("{LOG}?reason={}", "x".repeat(501)), &[], "").await.unwrap().problem(422, "validation");
    // Last: that it was refused is an entry too.
    member.send("DELETE", LOG, &[], "").await.unwrap().problem(403, "role_forbidden");
}

#[tokio::test]
async fn a_limit_on_the_number_of_entries_is_followed_at_once() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    let batch = json!((0..150).map(|n| json!({"type": "shop.order.created", "entityId": n.to_string()})).collect::<Vec<_>>());
    http.post("/api/events", &batch).await.expect(202);
    eventually("all are listed", async || match list(&http, "limit=1").await["total"].as_u64() {
        Some(150) => Ok(()),
        other => Err(other),
    })
    .await;
    put(&http, &settings(true, 90, 100)).await.expect(200);
    // The entry that tells of the change may come in after the pruning.
    eventually("the oldest fall out", async || match list(&http, "limit=1").await["total"].as_u64() {
        Some(100 | 101) => Ok(()),
        other => Err(other),
    })
    .await;
    assert_eq!(http.history("").await.len(), 151);
}

#[tokio::test]
async fn a_key_repeats_a_request_and_not_its_effect() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    let keyed = [JSON, ("idempotency-key", "once"), ("accept", "application/json")];
    let body = settings(true, 7, 700).to_string();
    for _ in 0..2 {
        assert_eq!(http.send("PUT", SETTINGS, &keyed, &body).await.unwrap().expect(200), settings(true, 7, 700));
    }
    newest(&http, &["activity.settings.updated"]).await;
    put(&http, &settings(true, 8, 800)).await.expect(200);
    assert_eq!(http.send("PUT", SETTINGS, &keyed, &body).await.unwrap().expect(200), settings(true, 7, 700));
    assert_eq!(kept(&http).await, settings(true, 8, 800), "the repeated request changed nothing");
    http.send("DELETE", LOG, &keyed, "").await.unwrap().problem(422, "idempotency_key_reused");
    let empty = [JSON, ("idempotency-key", "")];
    assert_eq!(http.send("PUT", SETTINGS, &empty, &body).await.unwrap().problem(422, "empty")["fields"][0]["field"], "Idempotency-Key");
    let clear = [("idempotency-key", "clear"), ("accept", "application/json")];
    let first = http.send("DELETE", LOG, &clear, "").await.unwrap().expect(200);
    shows(&http, &["activity-log"]).await;
    assert_eq!(http.send("DELETE", LOG, &clear, "").await.unwrap().expect(200), first);
    assert_eq!(http.history("").await.iter().filter(|event| event["type"] == "activity.log.cleared").count(), 1);
}
