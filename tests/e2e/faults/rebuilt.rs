//! A broker that lost everything, and is made anew.

use serde_json::Value;
use slipstream_tests::{Checker, Http, Stack, eventually, ticket};

use crate::{event, ids};

#[tokio::test]
async fn a_broker_made_anew_is_a_reset_and_history_keeps_everything_once() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    let mut open = http.stream("", None).await.unwrap();
    open.until_control("ready").await;
    let mut checker = Checker::default();
    let mut old = Value::Null;
    for n in 0..10 {
        old = http.publish(&event(&format!("old-{n}"))).await;
        checker.acknowledged(old["id"].as_str().unwrap());
    }
    open.events(10).await;
    archived(&checker, &http).await;

    stack.lose_broker().await;

    let reset = open.until_control("reset").await;
    assert_eq!((reset["code"].as_str(), reset["reason"].as_str()), (Some("store_rebuilt"), Some("store_rebuilt")), "{reset}");
    let first = eventually("ingest works again", async || match http.try_post("/api/events", &event("new-0")).await {
        Ok(answer) if answer.status == 202 => Ok(answer.json()),
        other => Err(format!("{other:?}")),
    })
    .await;
    checker.acknowledged(first["id"].as_str().unwrap());
    open.until_event(first["id"].as_str().unwrap()).await;
    for n in 1..10 {
        checker.acknowledged(http.publish(&event(&format!("new-{n}"))).await["id"].as_str().unwrap());
    }
    archived(&checker, &http).await;
    let mut resumed = http.stream("", old["cursor"].as_str()).await.unwrap();
    assert_eq!(resumed.until_control("reset").await["code"], "store_rebuilt");
}

#[tokio::test]
async fn what_the_relay_published_to_a_lost_broker_is_in_history_once() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    for n in 0..5 {
        http.post("/copilot/support-tickets/", &ticket(&format!("before {n}"))).await.expect(200);
    }
    eventually("all are archived", async || match http.history("").await.len() {
        5 => Ok(()),
        other => Err(other),
    })
    .await;
    stack.lose_broker().await;
    for n in 0..5 {
        http.post("/copilot/support-tickets/", &ticket(&format!("after {n}"))).await.expect(200);
    }
    let history = eventually("all are archived", async || match http.history("").await {
        history if history.len() >= 10 => Ok(history),
        history => Err(history.len()),
    })
    .await;
    let mut names = crate::texts(&history, "entityName");
    names.sort();
    let want: Vec<String> = ["after", "before"].iter().flat_map(|when| (0..5).map(move |n| format!("{when} {n}"))).collect();
    assert_eq!(names, want);
}

async fn archived(checker: &Checker, http: &Http) {
    eventually("all are archived", async || match checker.faults(&ids(&http.history("").await)) {
        faults if faults.is_empty() => Ok(()),
        faults => Err(faults),
    })
    .await;
}
