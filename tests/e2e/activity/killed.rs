//! kill -9 of the pruner between any two of its steps.

use serde_json::json;
use slipstream_tests::{Http, Stack, eventually};

use super::{JSON, list};

const POINTS: &str = "SLIPSTREAM_FAIL_POINTS";

/// Waits until the list shows exactly these numbers.
async fn shows_numbers(http: &Http, from: u64, to: u64) {
    let want: Vec<u64> = (from..=to).collect();
    eventually("the list shows these numbers", async || {
        let page = list(http, "after_seq=0&limit=200").await;
        let got: Vec<u64> = page["entries"].as_array().unwrap().iter().map(|entry| entry["seq"].as_u64().unwrap()).collect();
        if got == want && page["total"] == got.len() { Ok(()) } else { Err((got.first().copied(), got.last().copied(), page["total"].clone())) }
    })
    .await;
}

#[tokio::test]
async fn a_pruner_that_is_killed_hides_nothing_wrongly_and_leaves_nothing_to_be_pruned() {
    let stack = Stack::start().await;
    let front = stack.node("api,gateway,relay").await;
    let mut workers = stack.node_with("archiver", &[(POINTS, "activity.told")]).await;
    let tenants = ["acme", "other"].map(|tenant| stack.http(&front, tenant));
    for http in &tenants {
        let batch = json!((0..150).map(|n| json!({"type": "shop.order.created", "entityId": n.to_string()})).collect::<Vec<_>>());
        http.post("/api/events", &batch).await.expect(202);
        shows_numbers(http, 1, 150).await;
    }
    // Killed when it knows of the new settings, and nothing is pruned.
    for http in &tenants {
        let settings = json!({"enabled": true, "max_days": 90, "max_entries": 100}).to_string();
        http.send("PUT", "/api/v1/activity-log/settings", &[JSON], &settings).await.unwrap().expect(200);
    }
    workers.exited().await;
    let due = "select count(*) from slipstream.activity_settings where prune_due";
    assert_eq!(stack.sql(due).await, "2", "who takes its place is told too");
    for http in &tenants {
        let page = list(http, "limit=1").await;
        assert!([json!(150), json!(151)].contains(&page["total"]), "{page}");
    }
    // Killed between the two logs.
    workers.restart_with(POINTS, "activity.pruned").await;
    workers.exited().await;
    let pruned = "select count(*) from slipstream.activity_settings where pruned_seq > 0";
    assert_eq!(stack.sql(pruned).await, "1");
    workers.restart_with(POINTS, "").await;
    eventually("both are pruned, and nothing is due", async || match (stack.sql(pruned).await.as_str(), stack.sql(due).await.as_str()) {
        ("2", "0") => Ok(()),
        (pruned, due) => Err((pruned.to_owned(), due.to_owned())),
    })
    .await;
    // The entries of the changes may have come in after it. Again and again: the same.
    for _ in 0..2 {
        for http in &tenants {
            eventually("all is archived", async || match list(http, "limit=1").await["entries"][0]["seq"].as_u64() {
                Some(151) => Ok(()),
                other => Err(other),
            })
            .await;
        }
        workers.kill().await;
        workers.restart().await;
        for http in &tenants {
            shows_numbers(http, 52, 151).await;
            assert_eq!(http.history("").await.len(), 151, "the archive has all");
        }
    }
}
