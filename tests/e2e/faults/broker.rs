//! A broker that comes and goes.

use std::time::Duration;

use slipstream_tests::{Checker, Http, Stack, eventually, ticket};
use tokio::time::sleep;

use super::{check, follow, place, publish};
use crate::event;

const EVENTS: usize = 80;

#[tokio::test]
async fn a_broker_killed_in_the_middle_loses_and_doubles_nothing() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    let start = place(&http).await;
    let writer = async {
        let mut checker = Checker::default();
        for n in 0..EVENTS {
            let event = event(&format!("o{n}"));
            publish(&stack, &node, "acme", &event).await;
            checker.acknowledged(event["id"].as_str().unwrap());
        }
        checker
    };
    let killer = async {
        for _ in 0..2 {
            sleep(Duration::from_millis(250)).await;
            stack.nats.kill().await;
            sleep(Duration::from_millis(250)).await;
            stack.nats.restart().await.unwrap();
        }
    };
    let (checker, (), seen) = tokio::join!(writer, killer, follow(&stack, &node, "acme", &start, EVENTS, "id"));
    assert_eq!(checker.faults_in_order(&seen), []);
    check(&checker, &http, &start, "id").await;
}

#[tokio::test]
async fn without_a_broker_what_needs_it_says_so_and_the_rest_goes_on() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    let start = place(&http).await;
    http.post("/copilot/support-tickets/", &ticket("before")).await.expect(200);
    eventually("it is archived", async || http.history("").await.pop().ok_or("nothing")).await;
    let mut open = http.stream("", Some(&start)).await.unwrap();
    open.events(1).await;
    stack.nats.kill().await;

    // Refused means: not acknowledged. It may still be stored, so it is another tenant's, whom nobody counts.
    let refused = stack.http(&node, "other").post("/api/events", &event("o1")).await;
    refused.problem(503, "broker_unavailable");
    assert!(refused.headers.contains_key("retry-after"), "{refused:?}");
    http.post("/copilot/support-tickets/", &ticket("meanwhile")).await.expect(200);
    assert_eq!(http.history("").await.len(), 1, "history is served");
    assert_eq!(Http::new(node.url(), None).get("/livez").await.status, 200);

    stack.nats.restart().await.unwrap();
    let mut checker = Checker::default();
    checker.acknowledged("before");
    checker.acknowledged("meanwhile");
    check_tickets(&checker, &http, &start).await;
    // The stream that was open all the time, or the one that its client opened instead.
    let shown = follow(&stack, &node, "acme", open.last_id.as_deref().unwrap(), 1, "entityName").await;
    assert_eq!(shown, ["meanwhile"]);
}

#[tokio::test]
async fn a_process_starts_before_its_broker() {
    let stack = Stack::start().await;
    stack.nats.kill().await;
    let node = stack.node("api,gateway,relay,archiver").await;
    let probe = Http::new(node.url(), None);
    assert_eq!(probe.get("/readyz").await.status, 503);
    let http = stack.http(&node, "acme");
    // Who is cut off is not known yet, so nobody is let in.
    http.post("/copilot/support-tickets/", &ticket("early")).await.problem(503, "revocations_unavailable");
    stack.nats.restart().await.unwrap();
    eventually("it is ready by itself", async || match probe.get("/readyz").await {
        answer if answer.status == 200 => Ok(()),
        answer => Err(answer),
    })
    .await;
    http.post("/copilot/support-tickets/", &ticket("early")).await.expect(200);
    eventually("it is archived", async || http.history("").await.pop().ok_or("nothing")).await;
}

#[tokio::test]
async fn a_broker_that_hangs_delays_and_loses_nothing() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    let start = place(&http).await;
    let mut checker = Checker::default();
    for n in 0..30 {
        if n == 10 {
            stack.nats.pause();
        }
        let event = event(&format!("o{n}"));
        let resumed = async {
            if n == 10 {
                sleep(Duration::from_secs(2)).await;
                stack.nats.resume();
            }
        };
        tokio::join!(publish(&stack, &node, "acme", &event), resumed);
        checker.acknowledged(event["id"].as_str().unwrap());
    }
    check(&checker, &http, &start, "id").await;
}

async fn check_tickets(checker: &Checker, http: &Http, start: &str) {
    eventually("a gateway serves again", async || match http.try_stream("", Some(start)).await {
        Ok(Ok(_)) => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
    check(checker, http, start, "entityName").await;
}
