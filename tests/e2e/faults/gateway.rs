//! Gateways that are killed.

use std::time::Duration;

use slipstream_tests::{Checker, Stack};
use tokio::time::sleep;

use super::{check, follow, place, publish};
use crate::event;

const EVENTS: usize = 150;

#[tokio::test]
async fn a_killed_gateway_loses_and_doubles_nothing() {
    let stack = Stack::start().await;
    let (gateway, rest) = tokio::join!(stack.node("gateway"), stack.node("api,archiver"));
    let start = place(&stack.http(&gateway, "acme")).await;
    let writer = async {
        let mut checker = Checker::default();
        for n in 0..EVENTS {
            let event = event(&format!("o{n}"));
            publish(&stack, &gateway, "acme", &event).await;
            checker.acknowledged(event["id"].as_str().unwrap());
        }
        checker
    };
    let killer = async {
        for _ in 0..3 {
            sleep(Duration::from_millis(300)).await;
            gateway.restart().await;
        }
    };
    let reader = || follow(&stack, &gateway, "acme", &start, EVENTS, "id");
    let (checker, (), one, two, three) = tokio::join!(writer, killer, reader(), reader(), reader());
    for seen in [&one, &two, &three] {
        assert_eq!(checker.faults_in_order(seen), []);
    }
    // History is served by the process that was left alone.
    let archived = slipstream_tests::eventually("all are archived", async || {
        let faults = checker.faults(&crate::ids(&stack.http(&rest, "acme").history("").await));
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    });
    archived.await;
    drop(rest);
    let all = stack.node("api,gateway").await;
    check(&checker, &stack.http(&all, "acme"), &start, "id").await;
}
