//! Servers that go and come.

use std::time::Duration;

use slipstream_broker::Provision;
use slipstream_workers::FailPoints;
use slipstream_workers::failpoint::Point;
use tokio::time::Instant;

use crate::cluster::Cluster;
use crate::flow::{Flow, publish, sorted};

#[tokio::test]
async fn a_broker_that_is_killed_again_and_again_is_archived_whole() {
    let mut flow = Flow::new(1).await;
    let archiver = flow.archiver(0).await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.extend(publish(&flow.broker().await, "a", 200).await);
        flow.server.kill();
        flow.server.start_again();
        ids.extend(publish(&flow.broker().await, "a", 200).await);
    }
    flow.archived_all(0).await;
    assert_eq!(sorted(flow.archived("a").await), sorted(ids));
    archiver.stop().await;
}

#[tokio::test]
async fn a_database_that_is_killed_again_and_again_misses_nothing() {
    let cluster = Cluster::own().await;
    let flow = Flow::with(1, cluster, Provision::default(), "").await;
    let (relay, archiver) = (flow.relay().await, flow.archiver(0).await);
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.extend(flow.write_each("a", 20).await);
        ids.extend(publish(&flow.broker().await, "a", 100).await);
        cluster.kill().await;
        ids.extend(publish(&flow.broker().await, "a", 100).await);
        cluster.start();
        cluster.ready().await;
    }
    flow.relayed().await;
    flow.archived_all(0).await;
    assert_eq!(sorted(flow.archived("a").await), sorted(ids.clone()));
    assert_eq!(sorted(flow.streamed("a").await), sorted(ids));
    relay.stop().await;
    archiver.stop().await;
}

#[tokio::test]
async fn workers_start_before_their_servers() {
    let cluster = Cluster::own().await;
    let mut flow = Flow::with(1, cluster, Provision::default(), "").await;
    let ids = flow.write_each("a", 5).await;
    let (relay, archiver) = (flow.relay().await, flow.archiver(0).await);
    flow.relayed().await;
    flow.archived_all(0).await;
    relay.stop().await;
    archiver.stop().await;
    cluster.kill().await;
    let (relay, archiver) = (flow.relay().await, flow.archiver(0).await);
    flow.server.kill();
    cluster.start();
    cluster.ready().await;
    let more = flow.write_each("a", 5).await;
    flow.server.start_again();
    flow.relayed().await;
    flow.archived_all(0).await;
    assert_eq!(sorted(flow.archived("a").await), sorted([ids, more].concat()));
    relay.stop().await;
    archiver.stop().await;
}

/// Whatever is away: what was told to end ends, and what it could not finish is finished later.
#[tokio::test]
async fn workers_end_while_their_servers_are_away() {
    let cluster = Cluster::own().await;
    let mut flow = Flow::with(1, cluster, Provision::default(), "").await;
    let (points, mut hold) = FailPoints::hold(Point::RelayPublished);
    let (relay, archiver) = (flow.relay_with(points).await, flow.archiver(0).await);
    let mut ids = flow.write_each("a", 20).await;
    hold.reached().await;
    cluster.kill().await;
    hold.release();
    ids.extend(publish(&flow.broker().await, "a", 20).await);
    flow.server.kill();
    let started_at = Instant::now();
    relay.stop().await;
    archiver.stop().await;
    assert!(started_at.elapsed() < Duration::from_secs(15), "{:?}", started_at.elapsed());
    cluster.start();
    cluster.ready().await;
    flow.server.start_again();
    let (relay, archiver) = (flow.relay().await, flow.archiver(0).await);
    flow.relayed().await;
    flow.archived_all(0).await;
    assert_eq!(sorted(flow.streamed("a").await), sorted(ids.clone()));
    assert_eq!(sorted(flow.archived("a").await), sorted(ids));
    relay.stop().await;
    archiver.stop().await;
}
