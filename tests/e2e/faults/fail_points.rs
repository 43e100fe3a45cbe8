//! kill -9 of relay and archiver between any two of their steps.

use slipstream_tests::{Checker, Node, Stack, ticket};
use slipstream_workers::failpoint::Point;

use super::{check, place};

/// The process aborts at the second visit, so that the first has gone through.
const VISIT: u32 = 2;

#[tokio::test]
async fn a_relay_or_archiver_killed_at_any_step_loses_and_doubles_nothing() {
    let stack = Stack::start().await;
    let front = stack.node("api,gateway").await;
    let http = stack.http(&front, "acme");
    let start = place(&http).await;
    let mut checker = Checker::default();
    for point in Point::OF_EVENTS {
        let armed = format!("{}@{VISIT}", point.name());
        let mut workers = stack.node_with("relay,archiver", &[("SLIPSTREAM_FAIL_POINTS", &armed)]).await;
        write_until_it_dies(&stack, &front, &workers, &mut checker, &armed).await;
        write(&stack, &front, &mut checker, 5).await;
        workers.restart_with("SLIPSTREAM_FAIL_POINTS", "").await;
        write(&stack, &front, &mut checker, 5).await;
        check(&checker, &http, &start, "entityName").await;
        workers.kill().await;
    }
    assert_eq!(stack.sql("select count(*) from slipstream.outbox where published_at is null").await, "0", "the outbox is empty");
}

async fn write_until_it_dies(stack: &Stack, front: &Node, workers: &Node, checker: &mut Checker, point: &str) {
    for _ in 0..500 {
        if !workers.is_running().await {
            return;
        }
        write(stack, front, checker, 1).await;
    }
    panic!("{point} was never reached:\n{}", workers.log_tail());
}

async fn write(stack: &Stack, front: &Node, checker: &mut Checker, count: usize) {
    for _ in 0..count {
        let subject = format!("ticket {}", checker.len());
        stack.http(front, "acme").post("/copilot/support-tickets/", &ticket(&subject)).await.expect(200);
        checker.acknowledged(subject);
    }
}
