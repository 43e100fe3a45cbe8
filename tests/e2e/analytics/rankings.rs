//! Rankings of entities, of which there may be as many as events: who goes away leaves none behind, and those over a long time take turns.

use std::time::{Duration, Instant};

use slipstream_tests::{Node, Stack, eventually};
use sqlx::{Connection, PgConnection};

use super::{archived, events, folded, publish};

const SHORT: &str = "/api/analytics/top?of=entities&from=2025-06-10T00:00:00Z&to=2025-06-12T00:00:00Z";
const LONG: &str = "/api/analytics/top?of=entities&from=2025-01-01T00:00:00Z&to=2025-12-01T00:00:00Z";
/// Far below the longest ranking, which would end it as well.
const GONE_WITHIN: Duration = Duration::from_secs(6);

/// Three entities of a tenant, and a connection that keeps rankings waiting until it is rolled back.
async fn held() -> (Stack, Node, PgConnection) {
    let (stack, node) = Stack::with_node().await;
    publish(&stack.http(&node, "acme"), &events(3, "shop.order.created", "2025-06-10T10:00:00Z")).await;
    archived(&stack, "acme", 3).await;
    folded(&stack).await;
    let api = stack.node("api").await;
    // Who counts and archives would wait as well.
    node.stop().await;
    let mut owner = PgConnection::connect(&stack.database_url).await.unwrap();
    sqlx::raw_sql("begin; lock table slipstream.analytics_day in access exclusive mode").execute(&mut owner).await.unwrap();
    (stack, api, owner)
}

/// Waits until so many rankings are being made.
async fn made(stack: &Stack, count: usize) {
    let sql = "select count(*) from pg_stat_activity where datname = current_database() and application_name = 'slipstream_reader' and state = 'active'";
    eventually("rankings", async || match stack.sql(sql).await {
        found if found == count.to_string() => Ok(()),
        found => Err(found),
    })
    .await;
}

#[tokio::test]
async fn who_goes_away_leaves_no_ranking_behind() {
    let (stack, node, mut owner) = held().await;
    let http = stack.http(&node, "acme");
    for path in [SHORT, LONG] {
        tokio::select! {
            answer = http.get(path) => panic!("{path}: {answer:?}"),
            () = made(&stack, 1) => (),
        }
        // The request was dropped, and its connection with it.
        let begun = Instant::now();
        made(&stack, 0).await;
        assert!(begun.elapsed() < GONE_WITHIN, "{path}: after {:?}", begun.elapsed());
    }
    sqlx::raw_sql("rollback").execute(&mut owner).await.unwrap();
    let ranking = http.get(LONG).await.expect(200);
    assert_eq!((&ranking["total"], &ranking["distinct"]), (&3.into(), &3.into()), "{ranking}");
}

#[tokio::test]
async fn long_rankings_take_turns_and_nothing_else_waits_for_them() {
    let (stack, node, mut owner) = held().await;
    let http = stack.http(&node, "acme");
    let others = async {
        made(&stack, 2).await;
        assert_eq!(http.get("/api/events/history").await.status, 200);
        assert_eq!(http.get("/api/analytics/summary?from=2025-01-01T00:00:00Z&to=2025-12-01T00:00:00Z").await.status, 200);
        let busy = http.get(LONG).await;
        busy.problem(503, "analytics_busy");
        assert!(busy.headers.contains_key("retry-after"), "{busy:?}");
        sqlx::raw_sql("rollback").execute(&mut owner).await.unwrap();
    };
    let (first, second, ()) = tokio::join!(http.get(LONG), http.get(LONG), others);
    assert_eq!((first.status, second.status), (200, 200));
    assert_eq!(http.get(LONG).await.status, 200);
}
