//! The process of domain writes, killed.

use std::collections::BTreeSet;
use std::time::Duration;

use slipstream_tests::{Checker, Stack, ticket};
use tokio::time::sleep;

use super::{check, place};

#[tokio::test]
async fn a_killed_api_leaves_rows_and_events_that_agree() {
    let stack = Stack::start().await;
    let (api, rest) = tokio::join!(stack.node("api"), stack.node("api,gateway,relay,archiver"));
    let reader = stack.http(&rest, "acme");
    let start = place(&reader).await;
    let writer = async {
        let mut checker = Checker::default();
        for n in 0..120 {
            let subject = format!("ticket {n}");
            match stack.http(&api, "acme").try_post("/copilot/support-tickets/", &ticket(&subject)).await {
                Ok(answer) => {
                    answer.expect(200);
                    checker.acknowledged(subject);
                }
                // The row may be there; if so, its event must be too.
                Err(_) => {
                    checker.unknown(subject);
                    sleep(Duration::from_millis(20)).await;
                }
            }
        }
        checker
    };
    let killer = async {
        for _ in 0..4 {
            sleep(Duration::from_millis(150)).await;
            api.restart().await;
        }
    };
    let (checker, ()) = tokio::join!(writer, killer);
    assert!(checker.len() >= 20, "only {} were acknowledged", checker.len());
    check(&checker, &reader, &start, "entityName").await;
    let rows: BTreeSet<String> = stack.sql("select subject from copilot.support_tickets").await.lines().map(str::to_owned).collect();
    let events: BTreeSet<String> = crate::texts(&reader.history("").await, "entityName").into_iter().collect();
    assert_eq!(rows, events, "a row and its event commit together");
}
