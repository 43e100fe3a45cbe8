//! The workers under the users that the project ships.

use slipstream_broker::Outgoing;
use slipstream_workers::FailPoints;
use slipstream_workers::archiver::CONSUMER;
use slipstream_workers::failpoint::Point;

use crate::flow::{Flow, event, outgoing, publish, sorted};

/// Under the users that the project ships, with no more rights than they need: also what happens rarely must be allowed.
#[tokio::test]
async fn the_shipped_rights_are_enough_for_all_that_happens() {
    let mut flow = Flow::with_rights(1).await;
    let (points, mut hold) = FailPoints::hold(Point::RelayPublished);
    let relay = flow.relay_with(points).await;
    let mut ids = flow.write_each("a", 20).await;
    hold.reached().await;
    relay.kill().await;
    let relay = flow.relay().await;
    flow.relayed().await;
    let archiver = flow.archiver(0).await;
    flow.archived_all(0).await;
    let snapshot = flow.snapshot();
    ids.extend(flow.write_each("a", 20).await);
    flow.relayed().await;
    flow.archived_all(0).await;
    relay.kill().await;
    archiver.kill().await;
    flow.set_back(&snapshot);
    let gateway = flow.broker_of("gateway").await;
    ids.extend(publish(&gateway, "a", 30).await);
    gateway.publish(Outgoing { payload: "no event".into(), ..outgoing(&event("a", "bad")) }).await.unwrap();
    let (relay, archiver) = (flow.relay().await, flow.archiver(0).await);
    flow.relayed().await;
    flow.archived_all(0).await;
    assert_eq!(sorted(flow.archived("a").await), sorted(ids));
    assert_eq!(flow.broker().await.list_dead_letters(Some(CONSUMER), 0, 10).await.unwrap().len(), 1);
    relay.stop().await;
    archiver.stop().await;
}
