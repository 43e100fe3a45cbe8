//! A database that comes and goes.

use std::time::Duration;

use slipstream_tests::{Checker, Setup, ticket};
use tokio::time::sleep;

use super::{check, place};
use crate::event;

#[tokio::test]
async fn without_a_database_events_flow_on_and_are_archived_later() {
    let stack = Setup::default().own_postgres().start().await;
    let node = stack.node("api,gateway,relay,archiver").await;
    let http = stack.http(&node, "acme");
    let start = place(&http).await;
    let mut live = http.stream("", None).await.unwrap();
    live.until_control("ready").await;
    let mut checker = Checker::default();
    let publish = async |checker: &mut Checker, n: usize| {
        let event = event(&format!("o{n}"));
        http.publish(&event).await;
        checker.acknowledged(event["id"].as_str().unwrap());
    };
    for n in 0..20 {
        publish(&mut checker, n).await;
    }
    stack.cluster.server.kill().await;
    for n in 20..40 {
        publish(&mut checker, n).await;
    }
    assert_eq!(checker.faults_in_order(&crate::ids(&live.events(40).await)), [], "streams do not wait on the database");
    let refused = [http.post("/copilot/support-tickets/", &ticket("x")).await, http.get("/api/events/history").await];
    for answer in refused {
        assert!(answer.status == 503 && answer.headers.contains_key("retry-after"), "{answer:?}");
        assert!(!answer.text.contains("slipstream_") && !answer.text.contains("sqlx"), "internal words reach no client: {answer:?}");
    }
    stack.cluster.server.restart().await.unwrap();
    for n in 40..50 {
        publish(&mut checker, n).await;
    }
    slipstream_tests::eventually("history answers again", async || match http.get("/api/events/history").await {
        answer if answer.status == 200 => Ok(()),
        answer => Err(answer),
    })
    .await;
    check(&checker, &http, &start, "id").await;
}

#[tokio::test]
async fn a_database_killed_in_the_middle_of_writes_keeps_what_it_acknowledged() {
    let stack = Setup::default().own_postgres().start().await;
    let node = stack.node("api,gateway,relay,archiver").await;
    let http = stack.http(&node, "acme");
    let start = place(&http).await;
    let writer = async {
        let mut checker = Checker::default();
        let mut n = 0;
        while checker.len() < 100 {
            n += 1;
            let subject = format!("ticket {n}");
            match http.post("/copilot/support-tickets/", &ticket(&subject)).await {
                answer if answer.status == 200 => checker.acknowledged(subject),
                // The commit may have gone through before the connection broke.
                answer => {
                    assert_eq!(answer.status, 503, "{answer:?}");
                    checker.unknown(subject);
                    sleep(Duration::from_millis(100)).await;
                }
            }
        }
        checker
    };
    let killer = async {
        for _ in 0..2 {
            sleep(Duration::from_millis(300)).await;
            stack.cluster.server.kill().await;
            stack.cluster.server.restart().await.unwrap();
        }
    };
    let (checker, ()) = tokio::join!(writer, killer);
    slipstream_tests::eventually("history answers again", async || match http.get("/api/events/history").await {
        answer if answer.status == 200 => Ok(()),
        answer => Err(answer),
    })
    .await;
    check(&checker, &http, &start, "entityName").await;
}
