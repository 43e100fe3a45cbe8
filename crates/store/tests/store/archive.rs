//! The archive: each event once, an exact watermark, and no message that stops the others.

use bytes::Bytes;
use futures_util::future::join_all;
use slipstream_event::{Event, Timestamp};
use slipstream_store::archive::{Appended, Archive, Batch, Error, Quarantined, Row};
use slipstream_store::{Role, history};
use sqlx::Executor;

use crate::cluster::{Cluster, Db};
use crate::fixture::{EPOCH, Log, at, event, everything, row, tenant};

fn batch(expected_seq: u64, rows: Vec<Row>) -> Batch {
    let through_seq = rows.last().map_or(expected_seq, |row| row.seq);
    Batch { shard: 0, epoch: EPOCH, expected_seq, through_seq, rows, quarantined: Vec::new() }
}

async fn begun() -> (Db, Archive) {
    let db = Cluster::shared().await.database().await;
    let archive = Archive::new(db.store(Role::Archiver));
    archive.init_watermark(0, EPOCH, 0).await.unwrap();
    (db, archive)
}

async fn count(db: &Db) -> i64 {
    sqlx::query_scalar("select count(*) from slipstream.event").fetch_one(&mut db.root().await).await.unwrap()
}

#[tokio::test]
async fn a_batch_moves_the_watermark_and_is_refused_a_second_time() {
    let (db, archive) = begun().await;
    let first = batch(0, vec![row(1, &event("a", "a.b.c", "1")), row(4, &event("b", "a.b.c", "2"))]);
    assert_eq!(archive.append(&first).await.unwrap(), Appended { inserted: 2, duplicates: 0 });
    let have = archive.watermark(0).await.unwrap().unwrap();
    assert_eq!((have.epoch, have.seq), (EPOCH, 4));
    assert!(matches!(archive.append(&first).await, Err(Error::Fenced { have: Some(w) }) if w == have));
    assert!(matches!(archive.append(&batch(5, vec![row(6, &event("a", "a.b.c", "1"))])).await, Err(Error::Fenced { .. })), "a hole");
    let of_another_epoch = Batch { epoch: EPOCH + 1, ..batch(4, vec![row(5, &event("a", "a.b.c", "1"))]) };
    assert!(matches!(archive.append(&of_another_epoch).await, Err(Error::Fenced { .. })));
    assert!(matches!(archive.append(&Batch { shard: 7, ..batch(0, vec![]) }).await, Err(Error::Fenced { have: None })));
    assert_eq!((count(&db).await, archive.watermark(0).await.unwrap().unwrap()), (2, have));
    let nothing_in_it = Batch { through_seq: 9, ..batch(4, vec![]) };
    assert_eq!(archive.append(&nothing_in_it).await.unwrap(), Appended::default());
    assert_eq!(archive.watermark(0).await.unwrap().unwrap().seq, 9);
}

#[tokio::test]
async fn an_event_is_kept_once_whatever_is_delivered() {
    let (db, archive) = begun().await;
    let (one, two) = (event("a", "a.b.c", "1"), event("a", "a.b.c", "2"));
    archive.append(&batch(0, vec![row(1, &one), row(2, &one), row(3, &two)])).await.unwrap();
    let again = archive.append(&batch(3, vec![row(4, &two), row(5, &event("a", "a.b.c", "3")), row(6, &one)])).await.unwrap();
    assert_eq!(again, Appended { inserted: 1, duplicates: 2 });
    assert_eq!(count(&db).await, 3);
    let same_id_of_another_tenant = Event { id: one.id, ..event("b", "a.b.c", "1") };
    assert_eq!(archive.append(&batch(6, vec![row(7, &same_id_of_another_tenant)])).await.unwrap().inserted, 1);
    let kept: Vec<(i64, i64)> =
        sqlx::query_as("select seq, tenant_seq from slipstream.event where tenant_id = 'a' order by tenant_seq").fetch_all(&mut db.root().await).await.unwrap();
    assert_eq!(kept, [(1, 1), (3, 2), (5, 3)], "its first place stays, and the numbers have no holes");
}

#[tokio::test]
async fn of_two_archivers_one_is_fenced_off() {
    let (db, archive) = begun().await;
    let rivals: Vec<Archive> = (0..4).map(|_| Archive::new(db.store(Role::Archiver))).collect();
    let mut expected = 0;
    for round in 0..10_u64 {
        let attempts = rivals.iter().enumerate().map(|(rival, archive)| {
            let rows = (1..=5).map(|i| row(expected + i, &event("a", "a.b.c", &format!("{round} {rival} {i}")))).collect();
            async move { archive.append(&batch(expected, rows)).await }
        });
        let results = join_all(attempts).await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
        assert!(results.iter().all(|result| matches!(result, Ok(_) | Err(Error::Fenced { .. }))), "{results:?}");
        expected += 5;
    }
    assert_eq!((count(&db).await, archive.watermark(0).await.unwrap().unwrap().seq), (50, 50));
}

#[tokio::test]
async fn months_are_made_on_the_way_in() {
    let (db, _) = begun().await;
    let archives: Vec<Archive> = (0..3).map(|_| Archive::new(db.store(Role::Archiver))).collect();
    let times = [
        "1901-01-01T00:00:00Z",
        "1975-06-01T12:00:00Z",
        "2026-01-31T23:59:59.999999Z",
        "2026-02-01T00:00:00Z",
        "2026-02-28T23:59:59.999999Z",
        "2026-03-01T00:00:00Z",
    ];
    let all_shards = archives.iter().zip(1_u16..).map(|(archive, shard)| async move {
        archive.init_watermark(shard, EPOCH, 0).await.unwrap();
        let events = times.iter().zip(1..).map(|(time, seq)| row(seq, &at(time, event(&format!("t{shard}"), "a.b.c", time))));
        archive.append(&Batch { shard, ..batch(0, events.collect()) }).await.unwrap();
    });
    join_all(all_shards).await;
    let placed: Vec<(String, i64)> =
        sqlx::query_as("select tableoid::regclass::text, count(*) from slipstream.event group by 1 order by 1").fetch_all(&mut db.root().await).await.unwrap();
    let expected = [("slipstream.event_2026_01", 3), ("slipstream.event_2026_02", 6), ("slipstream.event_2026_03", 3), ("slipstream.event_past", 6)];
    assert_eq!(placed, expected.map(|(name, rows)| (name.to_owned(), rows)));
    let log = db.store(Role::Reader);
    let page = history::page(&log, &tenant("t2"), &everything(100)).await.unwrap();
    let found: Vec<String> = page.items.iter().map(|item| item.keyset.timestamp.to_string()).collect();
    assert_eq!(found, times.iter().rev().map(|time| Timestamp::parse(time).unwrap().to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_month_that_was_taken_away_is_made_again() {
    let (db, archive) = begun().await;
    archive.append(&batch(0, vec![row(1, &at("2026-01-01T00:00:00Z", event("a", "a.b.c", "1")))])).await.unwrap();
    db.root().await.execute("drop table slipstream.event_2026_01").await.unwrap();
    let again = archive.append(&batch(1, vec![row(2, &at("2026-01-02T00:00:00Z", event("a", "a.b.c", "2")))])).await.unwrap();
    assert_eq!((again.inserted, count(&db).await), (1, 1));
}

#[tokio::test]
async fn months_are_kept_ahead() {
    let (_db, archive) = begun().await;
    assert_eq!(archive.months_ahead().await.unwrap(), 0);
    assert_eq!(archive.ensure_ahead(3).await.unwrap(), 4, "the current one and three more");
    assert_eq!((archive.ensure_ahead(3).await.unwrap(), archive.months_ahead().await.unwrap()), (0, 3));
}

/// What Postgres or the calendar refuses is found by halving, put aside whole, and stops nobody.
#[tokio::test]
async fn a_poison_row_is_bisected_out() {
    let (db, archive) = begun().await;
    let mut nul = event("a", "a.b.c", "4");
    nul.entity_name = Some("a\0b".to_owned());
    let far_future = at("2200-01-01T00:00:00Z", event("a", "a.b.c", "6"));
    let rows: Vec<Row> = (1..=8)
        .map(|i| {
            row(
                i,
                &match i {
                    4 => nul.clone(),
                    6 => far_future.clone(),
                    _ => event("a", "a.b.c", &i.to_string()),
                },
            )
        })
        .collect();
    let mut work = vec![batch(0, rows)];
    let mut poisoned = 0;
    while let Some(next) = work.pop() {
        match archive.append(&next).await {
            Ok(_) => {}
            Err(Error::Poison { reason }) => match next.split() {
                Ok((first, second)) => work.extend([second, first]),
                Err(single) => {
                    poisoned += 1;
                    let subject = "events.a.a.b.c".to_owned();
                    work.push(single.quarantine_only_row(subject, reason).unwrap());
                }
            },
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!((poisoned, count(&db).await, archive.watermark(0).await.unwrap().unwrap().seq), (2, 6, 8));
    let aside: Vec<(i64, Vec<u8>)> =
        sqlx::query_as("select seq, payload from slipstream.archive_quarantine order by seq").fetch_all(&mut db.root().await).await.unwrap();
    assert_eq!(aside, [(4, nul.to_json().into_bytes()), (6, far_future.to_json().into_bytes())]);
}

#[tokio::test]
async fn what_is_no_event_is_kept_as_it_came() {
    let (db, archive) = begun().await;
    assert!(Row::parse(1, Bytes::from_static(b"{}")).is_err() && Row::parse(1, Bytes::from_static(b"\xff")).is_err());
    let raw = Quarantined { seq: 1, subject: "events.a.x\0".to_owned(), reason: "not an event".to_owned(), payload: Bytes::from_static(b"\xff\0") };
    archive.append(&Batch { through_seq: 2, quarantined: vec![raw], ..batch(0, vec![row(2, &event("a", "a.b.c", "1"))]) }).await.unwrap();
    let payload: Vec<u8> = sqlx::query_scalar("select payload from slipstream.archive_quarantine where seq = 1").fetch_one(&mut db.root().await).await.unwrap();
    assert_eq!((payload.as_slice(), count(&db).await), (&b"\xff\0"[..], 1));
    let aside = async |seq| archive.is_quarantined(0, seq).await.unwrap();
    assert!(aside(1).await && !aside(2).await);
    let outside = Batch { through_seq: 2, ..batch(2, vec![row(3, &event("a", "a.b.c", "1"))]) };
    assert!(matches!(archive.append(&outside).await, Err(Error::Store(slipstream_store::Error::Bug(_)))));
}

#[tokio::test]
async fn a_new_epoch_goes_on_where_the_old_one_ended() {
    let (_db, archive) = begun().await;
    assert_eq!(archive.watermark(1).await.unwrap(), None);
    archive.append(&batch(0, vec![row(7, &event("a", "a.b.c", "1"))])).await.unwrap();
    let before = archive.watermark(0).await.unwrap().unwrap();
    assert_eq!(archive.init_watermark(0, EPOCH + 5, 0).await.unwrap(), before, "what was begun stays");
    let stale = slipstream_store::archive::Watermark { seq: 6, ..before };
    assert!(matches!(archive.change_epoch(0, stale, EPOCH + 1, 0, "made anew").await, Err(Error::Fenced { have: Some(w) }) if w == before));
    let after = archive.change_epoch(0, before, EPOCH + 1, 0, "made anew").await.unwrap();
    assert_eq!((after.epoch, after.seq), (EPOCH + 1, 0));
    let back = archive.change_epoch(0, after, EPOCH, 0, "back").await;
    assert!(matches!(back, Err(Error::Store(slipstream_store::Error::Conflict { .. }))), "an epoch never comes back");
    let next = Batch { epoch: EPOCH + 1, ..batch(0, vec![row(1, &event("a", "a.b.c", "2"))]) };
    assert_eq!(archive.append(&next).await.unwrap().inserted, 1);
}

#[tokio::test]
async fn the_head_of_a_tenant_changes_with_its_archive_only() {
    let db = Cluster::shared().await.database().await;
    let mut log = Log::new(&db).await;
    let heads = async |log: &Log| (history::head(&log.reader, &tenant("a")).await.unwrap(), history::head(&log.reader, &tenant("b")).await.unwrap());
    assert_eq!(heads(&log).await, (0, 0));
    let one = event("a", "a.b.c", "1");
    log.add(&[one.clone(), event("a", "a.b.c", "2")]).await;
    let first = heads(&log).await;
    log.add(&[event("b", "a.b.c", "1")]).await;
    let second = heads(&log).await;
    assert!(first.0 > 0 && first.1 == 0 && second.0 == first.0 && second.1 > 0);
    log.add(&[one]).await;
    assert_eq!(heads(&log).await, second, "a duplicate changes nothing");
    assert_eq!(history::archived_through(&log.reader, 0).await.unwrap().unwrap().seq, 4);
    assert_eq!(history::archived_through(&log.reader, 1).await.unwrap(), None);
}
