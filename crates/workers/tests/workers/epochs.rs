//! Streams that were made anew, lost their end or came back from the past, and databases that came back older.

use slipstream_event::{Event, Position, Tenant};
use slipstream_store::{Role, cold};

use crate::flow::{Flow, event, outgoing, publish, sorted};

/// The events of a tenant that a cold replay gives after a position, and through where.
async fn cold_after(flow: &Flow, tenant: &str, after: Position) -> (usize, u64) {
    let range = cold::Range { shard: after.shard, epoch: after.epoch, after_seq: after.seq, up_to_seq: u64::from(u32::MAX) };
    let page = cold::page(&flow.db.store(Role::Reader), &Tenant::new(tenant).unwrap(), range, 5_000, usize::MAX).await.unwrap();
    (page.events.len(), page.through_seq)
}

#[tokio::test]
async fn a_stream_made_anew_is_archived_from_its_beginning() {
    let flow = Flow::new(1).await;
    let archiver = flow.archiver(0).await;
    let mut ids = publish(&flow.broker().await, "a", 100).await;
    flow.archived_all(0).await;
    let before = flow.watermark(0).await.unwrap();
    flow.make_anew(0).await;
    // Fewer than before, then as many as before: no number tells the new messages from the old ones.
    for count in [30, 70, 50] {
        ids.extend(publish(&flow.broker().await, "a", count).await);
        flow.archived_all(0).await;
    }
    let after = flow.watermark(0).await.unwrap();
    assert!(after.epoch > before.epoch && after.seq == 150);
    assert_eq!(sorted(flow.archived("a").await), sorted(ids));
    assert_eq!(cold_after(&flow, "a", Position::new(0, before.epoch, 40)).await, (60, 100), "the old epoch is still there");
    assert_eq!(cold_after(&flow, "a", Position::new(0, after.epoch, 0)).await, (150, 150));
    archiver.stop().await;
}

/// A power cut took the end of the stream: below, at and above the watermark, noticed before or after the lost numbers were given out again.
#[tokio::test]
async fn nothing_is_skipped_when_a_stream_lost_its_end() {
    for (written_since, running) in [(0, false), (10, false), (50, false), (200, false), (20, true)] {
        let mut flow = Flow::new(1).await;
        let archiver = flow.archiver(0).await;
        let kept = publish(&flow.broker().await, "a", 100).await;
        flow.archived_all(0).await;
        let snapshot = flow.snapshot();
        let lost = publish(&flow.broker().await, "a", 50).await;
        flow.archived_all(0).await;
        let before = flow.watermark(0).await.unwrap();
        let archiver = if running {
            flow.set_back(&snapshot);
            archiver
        } else {
            archiver.stop().await;
            flow.set_back(&snapshot);
            publish(&flow.broker().await, "b", written_since).await;
            flow.archiver(0).await
        };
        let since = publish(&flow.broker().await, "a", 5).await;
        flow.archived_all(0).await;
        let after = flow.watermark(0).await.unwrap();
        assert!(after.epoch > before.epoch, "another epoch, because numbers mean other messages ({written_since})");
        assert_eq!(sorted(flow.archived("a").await), sorted([kept, lost, since].concat()), "{written_since}");
        assert_eq!(flow.archived("b").await.len(), if running { 0 } else { written_since });
        // The archive begins the new epoch after what both have in common, and says nothing of what lies before.
        assert_eq!(flow.number("select began_seq from slipstream.stream_epoch where closed_at is null").await, 100);
        assert_eq!(cold_after(&flow, "a", Position::new(0, after.epoch, 100)).await, (5, after.seq));
        assert_eq!(cold_after(&flow, "a", Position::new(0, after.epoch, 99)).await, (0, 99));
        assert_eq!(cold_after(&flow, "a", Position::new(0, before.epoch, 99)).await, (51, 150));
        archiver.stop().await;
    }
}

/// The archiver died between the two steps of going over to a new epoch.
#[tokio::test]
async fn an_epoch_that_was_begun_and_not_followed_is_followed() {
    let mut flow = Flow::new(1).await;
    let archiver = flow.archiver(0).await;
    publish(&flow.broker().await, "a", 100).await;
    flow.archived_all(0).await;
    let snapshot = flow.snapshot();
    publish(&flow.broker().await, "a", 50).await;
    flow.archived_all(0).await;
    archiver.stop().await;
    flow.set_back(&snapshot);
    let broker = flow.broker().await;
    broker.bump_epoch(0).await.unwrap();
    broker.bump_epoch(0).await.unwrap();
    publish(&broker, "a", 70).await;
    let archiver = flow.archiver(0).await;
    flow.archived_all(0).await;
    assert_eq!(flow.archived("a").await.len(), 220);
    assert_eq!(flow.number("select began_seq from slipstream.stream_epoch where closed_at is null").await, 100);
    archiver.stop().await;
}

/// The database was put back to an older state: the stream is far ahead, and is read again.
#[tokio::test]
async fn a_database_that_came_back_older_is_filled_again() {
    let flow = Flow::new(1).await;
    let archiver = flow.archiver(0).await;
    publish(&flow.broker().await, "a", 100).await;
    flow.archived_all(0).await;
    archiver.stop().await;
    let mut root = flow.db.root().await;
    sqlx::query("delete from slipstream.event where seq > 40").execute(&mut root).await.unwrap();
    sqlx::query("update slipstream.archive_watermark set seq = 40").execute(&mut root).await.unwrap();
    let archiver = flow.archiver(0).await;
    flow.archived_all(0).await;
    assert_eq!(flow.archived("a").await, flow.streamed("a").await);
    archiver.stop().await;
}

/// A stream that was put back from a backup brings an epoch of the past along.
#[tokio::test]
async fn an_epoch_of_the_past_is_not_taken_for_the_present() {
    let mut flow = Flow::new(1).await;
    let archiver = flow.archiver(0).await;
    let mut ids = publish(&flow.broker().await, "a", 20).await;
    flow.archived_all(0).await;
    let snapshot = flow.snapshot();
    flow.make_anew(0).await;
    ids.extend(publish(&flow.broker().await, "a", 30).await);
    flow.archived_all(0).await;
    let before = flow.watermark(0).await.unwrap();
    flow.set_back(&snapshot);
    ids.extend(publish(&flow.broker().await, "a", 10).await);
    flow.archived_all(0).await;
    assert!(flow.watermark(0).await.unwrap().epoch > before.epoch);
    assert_eq!(sorted(flow.archived("a").await), sorted(ids));
    archiver.stop().await;
}

/// The last common message is one that was refused, and the archive knows it from its quarantine only.
#[tokio::test]
async fn a_quarantined_message_at_the_end_is_no_surprise() {
    let mut flow = Flow::new(1).await;
    let archiver = flow.archiver(0).await;
    let mut ids = publish(&flow.broker().await, "a", 5).await;
    let refused = Event { entity_name: Some("nul\0nul".to_owned()), ..event("a", "refused") };
    flow.broker().await.publish(outgoing(&refused)).await.unwrap();
    flow.archived_all(0).await;
    let snapshot = flow.snapshot();
    ids.extend(publish(&flow.broker().await, "a", 5).await);
    flow.archived_all(0).await;
    archiver.stop().await;
    flow.set_back(&snapshot);
    let archiver = flow.archiver(0).await;
    flow.archived_all(0).await;
    archiver.stop().await;
    let epoch = flow.watermark(0).await.unwrap().epoch;
    let archiver = flow.archiver(0).await;
    ids.extend(publish(&flow.broker().await, "a", 5).await);
    flow.archived_all(0).await;
    assert_eq!((sorted(flow.archived("a").await), flow.watermark(0).await.unwrap().epoch), (sorted(ids), epoch));
    archiver.stop().await;
}
