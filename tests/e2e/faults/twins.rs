//! Two of each worker: one works, the other waits; and the checker, which must be able to fail.

use slipstream_tests::{Checker, Fault, Stack, eventually, ticket};

use super::{check, place};
use crate::{event, ids, texts};

#[tokio::test]
async fn two_of_each_worker_do_the_work_once() {
    let stack = Stack::start().await;
    let (front, one, two) = tokio::join!(stack.node("api,gateway"), stack.node("relay,archiver"), stack.node("relay,archiver"));
    let http = stack.http(&front, "acme");
    let start = place(&http).await;
    let mut checker = Checker::default();
    for n in 0..60 {
        // The one that led is gone; the other goes on.
        if n == 20 {
            one.kill().await;
        }
        if n == 40 {
            one.restart().await;
            two.kill().await;
        }
        let subject = format!("ticket {n}");
        http.post("/copilot/support-tickets/", &ticket(&subject)).await.expect(200);
        checker.acknowledged(subject);
    }
    check(&checker, &http, &start, "entityName").await;
}

#[tokio::test]
async fn the_checker_sees_what_was_taken_from_the_archive_and_what_was_put_there() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    let mut checker = Checker::default();
    for n in 0..5 {
        let ack = http.publish(&event(&format!("o{n}"))).await;
        checker.acknowledged(ack["id"].as_str().unwrap());
    }
    eventually("all are archived", async || match checker.faults(&ids(&http.history("").await)) {
        faults if faults.is_empty() => Ok(()),
        faults => Err(faults),
    })
    .await;
    let victim = http.history("&entityId=o2").await.remove(0)["id"].as_str().unwrap().to_owned();
    let stranger = http.publish(&event("stranger")).await["id"].as_str().unwrap().to_owned();
    eventually("it is archived", async || http.history("&entityId=stranger").await.pop().ok_or("nothing")).await;
    stack.sql(&format!("delete from slipstream.event where event_id = '{victim}'")).await;
    let history = http.history("").await;
    assert_eq!(checker.faults(&ids(&history)), [Fault::Lost(victim), Fault::Foreign(stranger)]);
    assert_eq!(texts(&history, "entityId"), ["stranger", "o4", "o3", "o1", "o0"]);
}
