//! The relay: nothing twice and nothing lost, whatever is killed or set back.

use std::time::Duration;

use slipstream_broker::Provision;
use slipstream_store::Role;
use slipstream_workers::FailPoints;
use slipstream_workers::failpoint::Point;

use crate::cluster::Cluster;
use crate::flow::{Flow, Running, event, publish, sorted, until};

/// A broker that soon forgets the ids of what it stored.
async fn forgetful() -> Flow {
    let provision = Provision { duplicate_window: Some(Duration::from_millis(500)), ..Provision::default() };
    Flow::with(1, Cluster::shared().await, provision, "").await
}

/// Starts a relay and kills it when the broker has acknowledged rows and the outbox does not know.
async fn kill_after_publishing(flow: &Flow) {
    let (points, mut hold) = FailPoints::hold(Point::RelayPublished);
    let relay = flow.relay_with(points).await;
    hold.reached().await;
    relay.kill().await;
}

#[tokio::test]
async fn a_relay_killed_before_it_notes_its_acks_publishes_nothing_twice() {
    let flow = Flow::new(1).await;
    let ids = flow.write_each("a", 30).await;
    kill_after_publishing(&flow).await;
    assert_eq!((flow.streamed("a").await, flow.number("select count(published_at) from slipstream.outbox").await), (ids.clone(), 0));
    let relay = flow.relay().await;
    flow.relayed().await;
    assert_eq!(flow.streamed("a").await, ids);
    relay.stop().await;
}

#[tokio::test]
async fn what_the_broker_has_forgotten_is_found_in_the_stream() {
    let flow = forgetful().await;
    let ids = flow.write_each("a", 30).await;
    kill_after_publishing(&flow).await;
    let later = flow.write_each("a", 3).await;
    flow.ids_forgotten().await;
    let relay = flow.relay().await;
    flow.relayed().await;
    assert_eq!(flow.streamed("a").await, [ids, later].concat());
    relay.stop().await;
}

#[tokio::test]
async fn what_the_broker_has_forgotten_is_found_in_the_archive() {
    let flow = forgetful().await;
    let ids = flow.write_each("a", 30).await;
    kill_after_publishing(&flow).await;
    let archiver = flow.archiver(0).await;
    flow.archived_all(0).await;
    flow.ids_forgotten().await;
    let relay = flow.relay().await;
    flow.relayed().await;
    assert_eq!(flow.streamed("a").await, ids);
    relay.stop().await;
    archiver.stop().await;
}

/// Everything of the stream is lost; half of it is archived.
#[tokio::test]
async fn a_stream_made_anew_gets_what_the_archive_does_not_hold() {
    let flow = Flow::new(1).await;
    let (relay, archiver) = (flow.relay().await, flow.archiver(0).await);
    let archived = flow.write_each("a", 20).await;
    flow.relayed().await;
    flow.archived_all(0).await;
    archiver.stop().await;
    let lost = flow.write_each("a", 20).await;
    flow.relayed().await;
    flow.make_anew(0).await;
    let new = flow.write_each("a", 5).await;
    until("the lost rows are back", async || flow.streamed("a").await.len() >= 25).await;
    flow.relayed().await;
    let streamed = flow.streamed("a").await;
    assert_eq!(sorted(streamed.clone()), sorted([lost.clone(), new].concat()), "each once, and nothing that is archived");
    assert_eq!(streamed.iter().filter(|id| lost.contains(id)).copied().collect::<Vec<_>>(), lost, "in order");
    let archiver = flow.archiver(0).await;
    flow.archived_all(0).await;
    assert_eq!(sorted(flow.archived("a").await), sorted([archived, streamed].concat()));
    relay.stop().await;
    archiver.stop().await;
}

/// The stream's end is lost, at once or after others have written over it.
#[tokio::test]
async fn a_stream_that_lost_its_end_gets_it_back() {
    for others in [0, 60] {
        let mut flow = Flow::new(1).await;
        let relay = flow.relay().await;
        let kept = flow.write_each("a", 10).await;
        flow.relayed().await;
        let snapshot = flow.snapshot();
        let lost = flow.write_each("a", 20).await;
        flow.relayed().await;
        assert_eq!(flow.streamed("a").await.len(), 30);
        relay.kill().await;
        flow.set_back(&snapshot);
        publish(&flow.broker().await, "b", others).await;
        let new = flow.write_each("a", 5).await;
        let relay = flow.relay().await;
        until("the lost rows are back", async || flow.streamed("a").await.len() >= 35).await;
        assert_eq!(flow.streamed("a").await, [kept, lost, new].concat(), "with {others} messages of others");
        relay.stop().await;
    }
}

/// The same without a restart of the relay, which has to notice by itself.
#[tokio::test]
async fn a_relay_notices_that_the_broker_came_back_older() {
    let mut flow = Flow::new(1).await;
    let relay = flow.relay().await;
    let kept = flow.write_each("a", 10).await;
    flow.relayed().await;
    let snapshot = flow.snapshot();
    let lost = flow.write_each("a", 20).await;
    flow.relayed().await;
    flow.set_back(&snapshot);
    let new = flow.write_each("a", 5).await;
    until("the lost rows are back", async || flow.streamed("a").await.len() >= 35).await;
    flow.relayed().await;
    assert_eq!(flow.streamed("a").await, [kept, lost, new].concat());
    relay.stop().await;
}

#[tokio::test]
async fn a_broker_killed_while_many_write_gets_everything_once_and_in_order() {
    let mut flow = Flow::new(1).await;
    let relay: Running = flow.relay().await;
    let tenants: Vec<String> = (0..5).map(|n| format!("t{n}")).collect();
    for round in 0..3 {
        let store = flow.db.store(Role::Api);
        let flow_shared = &flow;
        let writing = tenants.iter().map(|tenant| {
            let store = store.clone();
            async move {
                for n in 0..20 {
                    flow_shared.write(&store, vec![event(tenant, &format!("{round}.{n}.0")), event(tenant, &format!("{round}.{n}.1"))]).await;
                }
            }
        });
        futures_util::future::join_all(writing).await;
        flow.server.kill();
        flow.write_each("t0", 3).await;
        flow.server.start_again();
    }
    flow.relayed().await;
    for tenant in &tenants {
        assert_eq!(flow.streamed(tenant).await, flow.committed(tenant).await);
    }
    relay.stop().await;
}
