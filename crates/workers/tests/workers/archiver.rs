//! The archiver against a stream with good, bad, doubled and missing messages, alone and beside another.

use bytes::Bytes;
use slipstream_broker::{Broker, Provision};
use slipstream_event::{Event, Tenant};
use slipstream_store::{Role, cold};
use slipstream_workers::FailPoints;
use slipstream_workers::archiver::CONSUMER;
use slipstream_workers::failpoint::Point;

use crate::cluster::Cluster;
use crate::flow::{Flow, event, outgoing, publish, sorted, until};

#[tokio::test]
async fn the_archive_holds_the_stream_in_its_order() {
    let flow = Flow::new(3).await;
    let broker = flow.broker().await;
    let mut ids = publish(&broker, "acme", 2_500).await;
    let archiver = flow.archiver(2).await;
    flow.archived_all(2).await;
    for _ in 0..20 {
        ids.extend(publish(&broker, "acme", 7).await);
    }
    publish(&broker, "ec2", 5).await;
    flow.archived_all(2).await;
    assert_eq!(flow.archived("acme").await, flow.streamed("acme").await);
    assert_eq!(sorted(flow.archived("acme").await), sorted(ids));
    assert_eq!(flow.watermark(0).await, None, "another archiver's shard");
    archiver.stop().await;
}

#[tokio::test]
async fn an_event_that_comes_twice_is_kept_once() {
    let provision = Provision { duplicate_window: Some(std::time::Duration::from_millis(500)), ..Provision::default() };
    let flow = Flow::with(1, Cluster::shared().await, provision, "").await;
    let broker = flow.broker().await;
    let twice = outgoing(&event("a", "1"));
    broker.publish(twice.clone()).await.unwrap();
    let archiver = flow.archiver(0).await;
    flow.archived_all(0).await;
    flow.ids_forgotten().await;
    assert!(!broker.publish(twice).await.unwrap().duplicate);
    flow.archived_all(0).await;
    assert_eq!((flow.streamed("a").await.len(), flow.archived("a").await.len()), (2, 1));
    archiver.stop().await;
}

/// The trap of durable consumers: the batch of a reader that died is nobody's.
#[tokio::test]
async fn a_second_archiver_takes_up_what_the_first_had_fetched() {
    for point in [Point::ArchiverFetched, Point::ArchiverBeforeCommit, Point::ArchiverCommitted] {
        let flow = Flow::new(1).await;
        let mut ids = publish(&flow.broker().await, "a", 300).await;
        let (points, mut hold) = FailPoints::hold(point);
        let first = flow.archiver_with(0, points).await;
        hold.reached().await;
        first.kill().await;
        ids.extend(publish(&flow.broker().await, "a", 300).await);
        let second = flow.archiver(0).await;
        flow.archived_all(0).await;
        assert_eq!(sorted(flow.archived("a").await), sorted(ids), "{point:?}");
        second.stop().await;
    }
}

#[tokio::test]
async fn a_frozen_archiver_that_wakes_is_fenced_off_and_stands_by() {
    let flow = Flow::new(1).await;
    let broker = flow.broker().await;
    let mut ids = publish(&broker, "a", 300).await;
    let (points, mut hold) = FailPoints::hold(Point::ArchiverBeforeCommit);
    let frozen = flow.archiver_with(0, points).await;
    hold.reached().await;
    let second = flow.archiver(0).await;
    flow.archived_all(0).await;
    hold.release();
    for _ in 0..10 {
        ids.extend(publish(&broker, "a", 20).await);
        flow.archived_all(0).await;
    }
    assert_eq!(flow.archived("a").await, flow.streamed("a").await);
    second.kill().await;
    ids.extend(publish(&broker, "a", 20).await);
    flow.archived_all(0).await;
    assert_eq!((flow.archived("a").await, flow.archived("a").await.len()), (flow.streamed("a").await, ids.len()));
    frozen.stop().await;
}

#[tokio::test]
async fn two_archivers_at_once_do_no_harm() {
    let flow = Flow::new(1).await;
    let (one, two) = (flow.archiver(0).await, flow.archiver(0).await);
    let broker = flow.broker().await;
    for _ in 0..20 {
        publish(&broker, "a", 50).await;
    }
    flow.archived_all(0).await;
    assert_eq!(flow.archived("a").await, flow.streamed("a").await);
    one.stop().await;
    two.stop().await;
}

/// No event at all, another tenant's event, and an event with a character that Postgres does not keep, hidden among good ones.
async fn publish_bad(broker: &Broker) -> usize {
    let good = event("a", "1");
    let no_event = slipstream_broker::Outgoing { payload: Bytes::from_static(b"{\"no\": \"event\"}"), ..outgoing(&event("a", "2")) };
    let misplaced = slipstream_broker::Outgoing { tenant: Tenant::new("b").unwrap(), ..outgoing(&event("a", "3")) };
    let refused = Event { entity_name: Some("nul\0nul".to_owned()), ..event("a", "4") };
    for message in [outgoing(&good), no_event, misplaced, outgoing(&refused)] {
        broker.publish(message).await.unwrap();
    }
    3
}

#[tokio::test]
async fn what_cannot_be_archived_is_kept_aside_and_the_rest_goes_on() {
    let flow = Flow::new(1).await;
    let broker = flow.broker().await;
    let mut good = publish(&broker, "a", 100).await.len();
    let bad = publish_bad(&broker).await + publish_bad(&broker).await;
    good += 2 + publish(&broker, "a", 100).await.len();
    let archiver = flow.archiver(0).await;
    flow.archived_all(0).await;
    assert_eq!(flow.archived("a").await.len(), good);
    let quarantined = flow.quarantined().await;
    assert_eq!(quarantined.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), [102, 103, 104, 106, 107, 108]);
    assert!(quarantined[1].1.contains("events.a.fleet.aircraft.updated"), "{quarantined:?}");
    let letters = broker.list_dead_letters(Some(CONSUMER), 0, 100).await.unwrap();
    assert_eq!(letters.len(), bad);
    let mut places: Vec<u64> = letters.iter().map(|letter| letter.letter.position.seq).collect();
    places.sort_unstable();
    assert_eq!(places, [102, 103, 104, 106, 107, 108]);
    archiver.stop().await;
}

#[tokio::test]
async fn a_dead_letter_that_is_put_back_is_archived_when_it_can_be() {
    let flow = Flow::new(1).await;
    let broker = flow.broker().await;
    let archiver = flow.archiver(0).await;
    publish_bad(&broker).await;
    flow.archived_all(0).await;
    let letters = broker.list_dead_letters(Some(CONSUMER), 0, 100).await.unwrap();
    let kept = flow.archived("a").await.len();
    for letter in letters {
        assert!(broker.redrive(letter.seq).await.unwrap().is_some());
    }
    // One of another consumer: the archive holds its event.
    let good = flow.messages(0).await.remove(0);
    broker.reject(slipstream_broker::DeadLetter::of(&good, "other", "was busy")).await.unwrap();
    let of_other = broker.list_dead_letters(Some("other"), 0, 100).await.unwrap();
    assert!(broker.redrive(of_other[0].seq).await.unwrap().is_some());
    until("all copies are in the stream", async || flow.messages(0).await.len() == 8).await;
    flow.archived_all(0).await;
    assert_eq!(flow.archived("a").await.len(), kept);
    assert_eq!(flow.quarantined().await.len(), 6, "they are still bad");
    assert_eq!(broker.list_dead_letters(Some(CONSUMER), 0, 100).await.unwrap().len(), 3);
    archiver.stop().await;
}

#[tokio::test]
async fn messages_that_left_the_broker_before_they_were_archived_are_told_of() {
    let provision = Provision { bytes_max: Some(200_000), ..Provision::default() };
    let flow = Flow::with(1, Cluster::shared().await, provision, "").await;
    let broker = flow.broker().await;
    let archiver = flow.archiver(0).await;
    publish(&broker, "a", 50).await;
    flow.archived_all(0).await;
    archiver.stop().await;
    publish(&broker, "a", 2_000).await;
    let state = broker.stream_state(0).await.unwrap();
    assert!(state.first_seq > 51);
    let archiver = flow.archiver(0).await;
    flow.archived_all(0).await;
    let missing = state.first_seq - 51;
    assert_eq!(flow.archived("a").await.len() as u64, 2_050 - missing);
    let reason = format!("the messages 51 to {} left the broker before they were archived", state.first_seq - 1);
    assert_eq!(flow.quarantined().await, [(i64::try_from(state.first_seq - 1).unwrap(), reason)]);
    // Who reads across the hole is told that something is missing; behind it all is well.
    let read = async |after_seq| {
        let range = cold::Range { shard: 0, epoch: state.epoch, after_seq, up_to_seq: 2_050 };
        cold::page(&flow.db.store(Role::Reader), &Tenant::new("a").unwrap(), range, 5_000, usize::MAX).await.unwrap()
    };
    assert_eq!((read(40).await.events.len(), read(40).await.through_seq), (0, 40));
    assert_eq!(read(state.first_seq - 1).await.through_seq, 2_050);
    archiver.stop().await;
}

#[tokio::test]
async fn an_archiver_that_is_told_to_end_commits_what_it_has() {
    let flow = Flow::new(1).await;
    publish(&flow.broker().await, "a", 300).await;
    let (points, mut hold) = FailPoints::hold(Point::ArchiverBeforeCommit);
    let archiver = flow.archiver_with(0, points).await;
    hold.reached().await;
    let (ended, ()) = tokio::join!(archiver.stop(), async { hold.release() });
    assert_eq!((ended, flow.archived("a").await.len()), ((), 300));
}

#[tokio::test]
async fn partitions_are_made_ahead() {
    let flow = Flow::new(1).await;
    let archiver = flow.archiver(0).await;
    until("three months ahead are there", async || flow.number("select slipstream.event_months_ahead()::bigint").await == 3).await;
    archiver.stop().await;
}

#[tokio::test]
async fn a_shard_that_is_not_there_is_refused() {
    let flow = Flow::new(1).await;
    let config = slipstream_workers::archiver::Config::new(1);
    let archiver = slipstream_workers::Archiver::new(flow.db.store(Role::Archiver), flow.db.store(Role::Reader), flow.broker().await, config);
    assert!(archiver.run(Default::default()).await.is_err());
}
