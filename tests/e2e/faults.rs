//! What was acknowledged survives: kill -9 of every process, a broker that comes and goes, a database that comes and goes.

mod api;
mod broker;
mod checkpoints;
mod database;
mod fail_points;
mod gateway;
mod rebuilt;
mod twins;

use std::time::Duration;

use serde_json::Value;
use slipstream_tests::{Checker, Http, Node, PATIENCE, Stack, eventually};
use tokio::time::{Instant, sleep};

use crate::texts;

/// How long a client waits before it tries again.
const PAUSE: Duration = Duration::from_millis(50);

/// Publishes under one id until there is an acknowledgement, as producers should.
async fn publish(stack: &Stack, node: &Node, tenant: &str, event: &Value) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match stack.http(node, tenant).try_post("/api/events", event).await {
            Ok(answer) if answer.status == 202 => return,
            Ok(answer) => assert!(answer.status == 503 && answer.headers.contains_key("retry-after"), "{answer:?}"),
            Err(_) => {}
        }
        assert!(Instant::now() < deadline, "never acknowledged: {event}");
        sleep(PAUSE).await;
    }
}

/// Follows a tenant's stream from `place`, coming back after every break, until `count` events came; one field of them, in order.
async fn follow(stack: &Stack, node: &Node, tenant: &str, place: &str, count: usize, field: &str) -> Vec<String> {
    let (mut place, mut events) = (place.to_owned(), Vec::new());
    let deadline = Instant::now() + PATIENCE * 2;
    while events.len() < count {
        assert!(Instant::now() < deadline, "only {} of {count} events came", events.len());
        let Ok(Ok(mut stream)) = stack.http(node, tenant).try_stream("", Some(&place)).await else {
            sleep(PAUSE).await;
            continue;
        };
        while events.len() < count
            && let Some(block) = stream.next(Instant::now() + PATIENCE).await
        {
            assert_ne!(block.event.as_deref(), Some("reset"), "{block:?}");
            if block.id.is_some()
                && let Some(data) = &block.data
            {
                events.push(serde_json::from_str(data).unwrap());
            }
        }
        place = stream.last_id.unwrap_or(place);
    }
    texts(&events, field)
}

/// Where a tenant's stream is now.
async fn place(http: &Http) -> String {
    http.stream("", None).await.unwrap().until_control("ready").await["cursor"].as_str().unwrap().to_owned()
}

/// Waits until history holds everything acknowledged, then holds history and a resumed stream to the promises: each once, nothing else, in order.
async fn check(checker: &Checker, http: &Http, place: &str, field: &str) {
    let archived = eventually("all that was acknowledged is archived", async || {
        let history = texts(&http.history("").await, field);
        let faults = checker.faults(&history);
        if faults.is_empty() { Ok(history) } else { Err(faults) }
    })
    .await;
    // After an outage the archive may know of events before the gateway does: they come, and nothing after them.
    let mut stream = http.stream("", Some(place)).await.unwrap();
    let streamed = stream.events(archived.len()).await;
    assert_eq!(checker.faults_in_order(&texts(&streamed, field)), []);
    let mut rest = http.stream("", stream.last_id.as_deref()).await.unwrap();
    rest.until_control("ready").await;
    assert_eq!(rest.all_events(), Vec::<Value>::new(), "stream and history hold the same");
    assert!(stream.blocks.iter().chain(&rest.blocks).all(|block| block.event.as_deref() != Some("reset")), "{:?}", stream.blocks);
}
