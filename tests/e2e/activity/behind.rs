//! A log that lags says so.

use serde_json::{Value, json};
use slipstream_tests::{Http, Stack, eventually};

use super::{list, publish_classes, shows};

/// Waits until list and settings say whether they lag.
async fn catching_up(http: &Http, want: bool) -> Value {
    eventually("it is told whether the log lags", async || {
        let (page, settings) = (list(http, "").await, http.get("/api/v1/activity-log/settings").await.expect(200));
        if [&page, &settings].iter().all(|body| body["catching_up"] == want) { Ok(page) } else { Err((page, settings)) }
    })
    .await
}

#[tokio::test]
async fn a_log_without_its_archiver_is_catching_up_and_says_how_far_it_is() {
    let stack = Stack::start().await;
    let (node, archiver) = (stack.node("api,gateway,relay").await, stack.node("archiver").await);
    let http = stack.http(&node, "acme");
    publish_classes(&http, &["tenant"]).await;
    shows(&http, &["tenant"]).await;
    let page = catching_up(&http, false).await;
    archiver.kill().await;
    publish_classes(&http, &["quality", "admin"]).await;
    let behind = catching_up(&http, true).await;
    assert_eq!((&behind["total"], &behind["archived_through"]), (&json!(1), &page["archived_through"]));
    // From there on the stream has what the list has not.
    let cursor = behind["archived_through"]["cursor"].as_str().unwrap();
    let mut live = http.stream("?view=activity", Some(cursor)).await.unwrap();
    assert_eq!(live.until_control("ready").await["replayed"], 2);
    archiver.restart().await;
    shows(&http, &["admin", "quality", "tenant"]).await;
    let page = catching_up(&http, false).await;
    assert_eq!(page["total"], 3);
}
