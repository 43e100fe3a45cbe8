//! Cold replay: in the order of the log, and a proof of how far it is complete.

use slipstream_event::{Event, Position};
use slipstream_store::archive::Batch;
use slipstream_store::cold::{self, Epoch, Range};
use uuid::Uuid;

use crate::cluster::Cluster;
use crate::fixture::{EPOCH, Log, at, event, row, tenant};

fn range(after_seq: u64, up_to_seq: u64) -> Range {
    Range { shard: 0, epoch: EPOCH, after_seq, up_to_seq }
}

/// 40 events, of tenant `a` at odd and of `b` at even sequences, with times that jump over the months.
async fn forty() -> Log {
    let db = Cluster::shared().await.database().await;
    let mut log = Log::new(&db).await;
    let events: Vec<Event> = (1..=40_u32)
        .map(|seq| {
            at(&format!("{}-{:02}-01T00:00:00Z", 2023 + seq % 4, seq * 7 % 12 + 1), event(if seq % 2 == 1 { "a" } else { "b" }, "a.b.c", &seq.to_string()))
        })
        .collect();
    log.add(&events).await;
    log
}

fn seqs(page: &cold::Page) -> Vec<u64> {
    page.events.iter().map(|event| event.seq).collect()
}

#[tokio::test]
async fn reads_a_tenants_log_in_its_order_whatever_the_times_are() {
    let log = forty().await;
    let page = async |range, limit, bytes| cold::page(&log.reader, &tenant("a"), range, limit, bytes).await.unwrap();
    let whole = page(range(0, 40), 100, 1 << 20).await;
    assert_eq!((seqs(&whole), whole.through_seq, whole.done), ((1..=39).step_by(2).collect(), 40, true));
    let part = page(range(4, 10), 100, 1 << 20).await;
    assert_eq!((seqs(&part), part.through_seq, part.done), (vec![5, 7, 9], 10, true));
    let cut = page(range(4, 40), 3, 1 << 20).await;
    assert_eq!((seqs(&cut), cut.through_seq, cut.done), (vec![5, 7, 9], 9, false));
    let exactly = page(range(4, 9), 3, 1 << 20).await;
    assert_eq!((seqs(&exactly), exactly.through_seq, exactly.done), (vec![5, 7, 9], 9, true));
    let one = page(range(4, 40), 100, 1).await;
    assert_eq!((seqs(&one), one.through_seq, one.done), (vec![5], 5, false), "one comes in any case");
    let two = page(range(4, 40), 100, one.events[0].payload.len() + 1).await;
    assert_eq!((seqs(&two), two.done), (vec![5, 7], false));
    let all: Vec<u64> = {
        let (mut all, mut after) = (Vec::new(), 0);
        loop {
            let next = page(range(after, 40), 4, 1_000).await;
            all.extend(seqs(&next));
            after = next.through_seq;
            if next.done {
                break all;
            }
        }
    };
    assert_eq!(all, seqs(&whole));
}

#[tokio::test]
async fn proves_no_more_than_what_is_archived() {
    let log = forty().await;
    let page = async |of: &str, range| cold::page(&log.reader, &tenant(of), range, 100, 1 << 20).await.unwrap();
    let beyond = page("a", range(38, 60)).await;
    assert_eq!((seqs(&beyond), beyond.through_seq, beyond.done), (vec![39], 40, false));
    let after_the_end = page("a", range(50, 60)).await;
    assert_eq!((after_the_end.events.len(), after_the_end.through_seq, after_the_end.done), (0, 50, false), "nothing is proven");
    let unknown_epoch = page("a", Range { epoch: EPOCH + 1, ..range(0, 10) }).await;
    assert_eq!((unknown_epoch.events.len(), unknown_epoch.through_seq, unknown_epoch.done), (0, 0, false));
    let unknown_shard = page("a", Range { shard: 3, ..range(0, 10) }).await;
    assert_eq!((unknown_shard.through_seq, unknown_shard.done), (0, false));
    let nobody = page("nobody", range(0, 40)).await;
    assert_eq!((nobody.events.len(), nobody.through_seq, nobody.done), (0, 40, true), "that there is nothing is proven");
}

#[tokio::test]
async fn knows_the_epochs_and_where_they_end() {
    let log = forty().await;
    assert_eq!(cold::epochs(&log.reader, 1).await.unwrap(), []);
    assert_eq!(cold::epochs(&log.reader, 0).await.unwrap(), [Epoch { epoch: EPOCH, through_seq: 40, closed: false }]);
    let at_end = log.archive.watermark(0).await.unwrap().unwrap();
    log.archive.change_epoch(0, at_end, EPOCH + 9, 0, "made anew").await.unwrap();
    let next = Batch { shard: 0, epoch: EPOCH + 9, expected_seq: 0, through_seq: 5, rows: vec![row(5, &event("a", "a.b.c", "new"))], quarantined: Vec::new() };
    log.archive.append(&next).await.unwrap();
    let epochs = cold::epochs(&log.reader, 0).await.unwrap();
    assert_eq!(epochs, [Epoch { epoch: EPOCH, through_seq: 40, closed: true }, Epoch { epoch: EPOCH + 9, through_seq: 5, closed: false }]);
    let old = cold::page(&log.reader, &tenant("a"), range(38, 99), 100, 1 << 20).await.unwrap();
    assert_eq!((seqs(&old), old.through_seq, old.done), (vec![39], 40, false), "the closed epoch ends at 40");
    let new = cold::page(&log.reader, &tenant("a"), Range { epoch: EPOCH + 9, ..range(0, 5) }, 100, 1 << 20).await.unwrap();
    assert_eq!((seqs(&new), new.done), (vec![5], true));
}

#[tokio::test]
async fn finds_an_event_by_its_id_within_its_tenant() {
    let db = Cluster::shared().await.database().await;
    let mut log = Log::new(&db).await;
    let mine = event("a", "a.b.c", "1");
    let again_later = Event { timestamp: slipstream_event::Timestamp::now(), ..mine.clone() };
    log.add(&[event("b", "a.b.c", "1"), mine.clone()]).await;
    log.add(&[again_later]).await;
    assert_eq!(cold::locate(&log.reader, &tenant("a"), mine.id).await.unwrap(), Some(Position::new(0, EPOCH, 2)));
    assert_eq!(cold::locate(&log.reader, &tenant("b"), mine.id).await.unwrap(), None);
    assert_eq!(cold::locate(&log.reader, &tenant("a"), Uuid::nil()).await.unwrap(), None);
}

#[tokio::test]
async fn proves_nothing_over_a_hole() {
    let log = forty().await;
    log.archive.note_hole(0, EPOCH, 10).await.unwrap();
    log.archive.note_hole(0, EPOCH, 4).await.unwrap();
    let page = async |range| cold::page(&log.reader, &tenant("a"), range, 100, 1 << 20).await.unwrap();
    let over = page(range(9, 20)).await;
    assert_eq!((over.events.len(), over.through_seq, over.done), (0, 9, false));
    let after = page(range(10, 20)).await;
    assert_eq!((seqs(&after), after.through_seq, after.done), (vec![11, 13, 15, 17, 19], 20, true));
}

#[tokio::test]
async fn counts_and_recognises_what_is_archived() {
    let db = Cluster::shared().await.database().await;
    let mut log = Log::new(&db).await;
    let events = [at("1975-01-01T00:00:00Z", event("a", "a.b.c", "1")), event("b", "a.b.c", "1"), event("a", "a.b.c", "2")];
    log.add(&events).await;
    let count = async |of: &str, range| cold::count(&log.reader, &tenant(of), range).await.unwrap();
    assert_eq!((count("a", range(0, 3)).await, count("a", range(1, 3)).await, count("a", range(1, 2)).await, count("b", range(0, 9)).await), (2, 1, 0, 1));
    let asked = [&events[2], &event("a", "a.b.c", "3"), &events[1], &events[0]].map(|event| (event.id, event.timestamp));
    let at = |seq| Some(Position::new(0, EPOCH, seq));
    assert_eq!(cold::known(&log.reader, &tenant("a"), &asked).await.unwrap(), [at(3), None, None, at(1)]);
    assert_eq!(cold::known(&log.reader, &tenant("a"), &[]).await.unwrap(), []);
}
